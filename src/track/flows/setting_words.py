"""Setting words: what remotes and settings of a repository are called, and what a setting can be; see `words`."""

from track.flows.words import Words
from track.model.settings import KEYS
from track.project import load_config

_REMOTES = "remote.*.url"


def remotes(words: Words, start: str) -> list[str]:
    """The remotes that begin so, sorted."""
    config, _ = load_config(words.git)
    return [name for name in config.names(_REMOTES) if name.startswith(start)]


def settings(words: Words, start: str) -> list[str]:
    """The settings that begin so, sorted; those of remotes for each remote that there is."""
    config, _ = load_config(words.git)
    named = {key.name.replace("*", remote) for key in KEYS for remote in config.names(_REMOTES) or "*"}
    return sorted(name for name in named if name.startswith(start) and "*" not in name)


def choices(words: Words, setting: str, start: str) -> list[str]:
    """What that setting can be, as far as that can be told: its choices, or the remotes."""
    if setting == "core.remote":
        return remotes(words, start)
    key = next((key for key in KEYS if key.matches(setting)), None)
    known = () if key is None else ("true", "false") if key.kind == "boolean" else key.choices
    return [word for word in known if word.startswith(start)]
