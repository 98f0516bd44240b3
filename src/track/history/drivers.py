"""Drivers: how Git is told to show and to merge pointers; `install(git)`, `uninstall(git)` and `state(git)`.

The committed `.gitattributes` only names the drivers; a clone in which they are not configured shows and merges
pointers as text. What is configured here guards itself: when `track` is not to be found, Git does the same.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from track import publish
from track.errors import GitFailed
from track.history.plumbing import Git

ATTRIBUTES = b"*.track diff=track merge=track"
"""The line of `.gitattributes` that names the drivers."""

SCRIPT = "diff-driver"
"""The file beside the state of the repository (`track/` in the common Git directory) that `git diff` runs."""

_SHIPPED = Path(__file__).with_name("diff-driver.sh")

# Git puts ` "$@"` behind it. Without the script it prints the patch in its simplest form.
_DIFF = (
    'sh -c \'script=$(git rev-parse --git-common-dir)/track/diff-driver; test -f "$script" && exec sh "$script" "$@"; '
    'name=$1; old=a/$name new=b/${8-$name}; printf "diff --git %s %s\\n%s" "$old" "$new" "$9"; '
    'test "$4" = . && old=/dev/null && printf "new file mode %s\\n" "$7"; '
    'test "$7" = . && new=/dev/null && printf "deleted file mode %s\\n" "$4"; '
    'test $# = 7 && test "$4" != . && test "$7" != . && test "$4" != "$7" && printf "old mode %s\\nnew mode %s\\n" '
    '"$4" "$7"; test -s "$2" || test -s "$5" || exit 0; git diff --no-index --no-ext-diff --text --quiet -- "$2" "$5" '
    '|| { printf -- "--- %s\\n+++ %s\\n" "$old" "$new"; '
    'git --no-pager diff --no-index --no-ext-diff --no-color --text -- "$2" "$5" | sed -n "/^@@/,\\$p"; }; '
    "exit 0' track"
)
# A conflict that `track-hook` left has its marks; whatever else went wrong, Git's own merge of lines leaves them.
_MERGE = (
    "sh -c 'track=$(command -v track-hook); "
    'case $track in /*) "$track" merge "$@" && exit 0;; *) track=$(git config --local track.python) && '
    'test -x "$track" && "$track" -P -m track.cli.hook merge "$@" && exit 0;; esac; '
    'grep -q "^<<<<<<<" "$2" && exit 1; '
    'exec git merge-file -L ours -L base -L theirs --marker-size="$4" "$2" "$1" "$3"\' track %O %A %B %L %P'
)
SETTINGS = {
    "diff.track.command": _DIFF,
    "merge.track.name": "pointers of track, and the manifests they name",
    "merge.track.driver": _MERGE,
}
"""What is set in the repository's own configuration."""

_LOCK_TIMEOUT_S = 5.0

State = Literal["installed", "missing", "changed"]


def install(git: Git) -> bool:
    """Configure the drivers in this repository, for all its working trees; whether anything was not as it should be.

    Again is fine. A driver of that name which somebody changed is put back.

    Raises:
        GitFailed: the repository's configuration cannot be written.
        DiskFull, StoreUnwritable: the script cannot be.
    """
    lacking = list(_lacking(git))
    if SCRIPT in lacking:
        publish.make_directories(git.common_dir / "track")
        publish.publish_bytes(git.common_dir / "track" / SCRIPT, _SHIPPED.read_bytes())
    for key in lacking:
        if key != SCRIPT:
            _configure(git, key, SETTINGS[key])
    return bool(lacking)


def uninstall(git: Git) -> bool:
    """Take out what `install` put there, for all working trees; whether anything was there."""
    sections = sorted({key.rpartition(".")[0] for key in _configured(git)})
    for section in sections:
        _configure(git, "--remove-section", section)
    found = bool(sections)
    script = git.common_dir / "track" / SCRIPT
    if script.is_file():
        publish.remove(script)
        found = True
    return found


def state(git: Git) -> State:
    """Whether the drivers are configured here: as this version would, not at all, or in another way."""
    lacking = set(_lacking(git))
    if not lacking:
        return "installed"
    return "changed" if _configured(git) else "missing"


def _lacking(git: Git) -> Iterator[str]:
    """The settings, and the script, that are not what this version would write."""
    configured = _configured(git)
    yield from (key for key, value in SETTINGS.items() if configured.get(key) != value)
    try:
        content = (git.common_dir / "track" / SCRIPT).read_bytes()
    except OSError:
        content = b""
    if content != _SHIPPED.read_bytes():
        yield SCRIPT


def _configured(git: Git) -> dict[str, str]:
    """What the repository's own configuration says of our drivers: key -> its last value."""
    found = git.run("config", "--local", "-z", "--get-regexp", r"^(diff|merge)\.track\.", check=False)
    pairs = (record.decode("utf-8", "replace").partition("\n") for record in found.split(b"\0") if record)
    return {key: value for key, _, value in pairs}


def _configure(git: Git, *words: str) -> None:
    """Change the repository's configuration; again while another process has it locked."""
    deadline = time.monotonic() + _LOCK_TIMEOUT_S
    while True:
        try:
            git.run("config", "--local", *words)
            return
        except GitFailed as error:
            if not any("could not lock" in line for line in error.details) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
