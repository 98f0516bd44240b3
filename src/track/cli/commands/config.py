"""`track config`: read and change settings."""

import click

from track.cli import late
from track.cli.session import emit, emit_json, note, table, warn
from track.errors import NotARepository
from track.model.names import display

_HELP = """Read and change settings.

\b
  track config                               every setting that holds
  track config --origin                      ... and where each value comes from
  track config checkout.link                 one setting
  track config checkout.link hardlink        change it for this clone
  track config --project core.remote origin  ... for everybody: .track/config.toml, for you to commit
  track config --user lock.timeout 5         ... for all your projects
  track config --unset checkout.link         take it out again

A flag beats a TRACK_* variable, that beats this clone's file, that the committed file, that your own, that the
default. Places on this machine and secrets are never read from the committed file.

\b
Exit codes: 0 done; 1 the setting has no value; 2 wrong usage; 3 no such setting, or a broken file.
"""


@click.command("config", help=_HELP, short_help="read and change settings")
@click.argument("key", required=False, type=click.UNPROCESSED)
@click.argument("value", required=False, type=click.UNPROCESSED)
@click.option("--clone", "layer", flag_value="clone", help="This clone's own file (the default for changes).")
@click.option("--project", "layer", flag_value="project", help="The committed file, .track/config.toml.")
@click.option("--user", "layer", flag_value="user", help="Your own file, for all projects.")
@click.option("--origin", is_flag=True, help="Say where each value comes from, the ones that lose too.")
@click.option("--unset", is_flag=True, help="Take the setting out of the file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(key: str | None, value: str | None, layer: "late.config.Layer | None", **flags: bool) -> None:
    """Translate, call the verb, show."""
    done = _configured(key, value, layer, flags["unset"])
    for text in done.warnings:
        warn(text)
    if flags["as_json"]:
        emit_json("config", {"settings": [_document(one) for one in done.settings or _changed(done)]})
    elif done.changed is not None:
        note(f"{done.changed.key} = {_text(done.changed)}      in {display(done.changed.source)}")
    elif flags["unset"]:
        note(f"{key} is no longer set" if done.removed else f"{key} was not set there")
    else:
        _show(key, done, flags["origin"])
    nothing = key is not None and value is None and not done.removed and all(one.value is None for one in done.settings)
    if nothing:
        click.get_current_context().exit(1)


def _configured(
    key: str | None, value: str | None, layer: "late.config.Layer | None", unset: bool
) -> "late.config.Configured":
    try:
        project = late.project.Project.open(set_up=False)
    except NotARepository:
        if layer in ("clone", "project"):
            raise
        return late.config.config(None, key, value, layer=layer, unset=unset)
    with project:
        for text in project.warnings:
            warn(text)
        return late.config.config(project, key, value, layer=layer, unset=unset)


def _show(key: str | None, done: "late.config.Configured", origin: bool) -> None:
    shown = done.settings if origin else _holding(done.settings)
    if key is not None and not origin:
        for one in shown:
            if one.value is not None:
                emit(_text(one))
            else:
                note(f"{key} is not set")
        return
    rows = [(one.key, _text(one), *((one.layer, display(one.source)) if origin else ())) for one in shown]
    table(rows)


def _holding(settings: "tuple[late.config.Setting, ...]") -> "tuple[late.config.Setting, ...]":
    first: dict[str, late.config.Setting] = {}
    for one in settings:
        first.setdefault(one.key, one)
    return tuple(first.values())


def _changed(done: "late.config.Configured") -> "tuple[late.config.Setting, ...]":
    return () if done.changed is None else (done.changed,)


def _text(setting: "late.config.Setting") -> str:
    if isinstance(setting.value, bool):
        return "true" if setting.value else "false"
    return "" if setting.value is None else display(str(setting.value))


def _document(setting: "late.config.Setting") -> dict[str, object]:
    return {"key": setting.key, "value": setting.value, "layer": setting.layer, "source": display(setting.source)}
