"""`track hooks`: have Git call track by itself."""

import click

from track.cli import late
from track.cli.session import count_text, emit, emit_json, hint, note, opened, table
from track.model.names import display, typed

_HELP = """Have Git call track by itself: data follows `git checkout`, and goes with `git push`.

\b
  track hooks install      put them in place, or bring them up to date
  track hooks list         which ones Git calls here, and how
  track hooks uninstall    take them out; older hooks are as they were

`track init` and `track clone` install them, and the first `track add` or `track pull` in a clone without them.
TRACK_SKIP=1 turns them off for one command: TRACK_SKIP=1 git checkout main

\b
Exit codes: 0 done; 1 a hook that cannot be written; 3 not a project; 6 two older hooks of one name, or another
track works here.
"""

_INSTALL_HELP = """Put every hook of track in place, beside those of others.

\b
  track hooks install

An older hook keeps its place: it is called first, and what it refuses is refused. A folder that another tool writes
(husky, lefthook, a core.hooksPath of yours) is left alone; then the lines to put there are printed.

\b
Exit codes: 0 done; 1 a hook that cannot be written; 3 not a project; 6 two older hooks of one name, or another
track works here.
"""

_LIST_HELP = """List the hooks of track, and how Git comes to call them.

\b
  track hooks list
  track hooks list --json

\b
Exit codes: 0 done; 3 not a project.
"""

_UNINSTALL_HELP = """Take every hook of track out. Older hooks are again as they were, byte for byte.

\b
  track hooks uninstall

\b
Exit codes: 0 done; 1 a hook that cannot be written; 3 not a project; 6 another track works here.
"""

_UNKNOWN = "post-index-change"
_HOW = {
    "alone": "called by Git",
    "chained": "called by Git, after {path}.pre-track",
    "added": "called at the end of {path}",
    "handed on": "called by the hook of another tool",
    "configured": "called by Git, from its configuration",
    "disabled": "there, but not called: it is switched off, or not executable",
    "outdated": "of another version: track hooks install",
    "left": "not called: track hooks install says what to add",
    "missing": "not there: track hooks install",
}


@click.group("hooks", help=_HELP, short_help="have Git call track by itself")
def command() -> None:
    """The group; its commands say what they do."""


@command.command("install", help=_INSTALL_HELP, short_help="put the hooks in place")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def install(as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        done = late.hooks_install.hooks_install(project)
    if as_json:
        lines = [{"hook": name, "line": line} for name, line in done.lines]
        places = {"folder": display(str(done.folder)), "manager": done.manager}
        emit_json("hooks install", {**places, "hooks": _document(done.hooks), "changed": done.changed, "lines": lines})
        return
    if done.lines:
        _show_lines(done)
        return
    if not done.changed:
        note(f"{count_text(len(done.hooks), 'hook')} of track: in place already")
        return
    emit(f"{count_text(len(done.changed), 'hook')} of track in {display(str(done.folder))}")
    _show([hook for hook in done.hooks if hook.state not in ("alone", "configured")])


@command.command("list", help=_LIST_HELP, short_help="which hooks Git calls here, and how")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_(as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        listed = late.hooks_list.hooks_list(project)
    if as_json:
        places = {"folder": display(str(listed.folder)), "manager": listed.manager}
        emit_json("hooks list", {**places, "hooks": _document(listed.hooks)})
        return
    _show(listed.hooks)


@command.command("uninstall", help=_UNINSTALL_HELP, short_help="take the hooks out")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def uninstall(as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        done = late.hooks_uninstall.hooks_uninstall(project)
    if as_json:
        emit_json("hooks uninstall", {"folder": display(str(done.folder)), "removed": done.removed})
        return
    emit(f"{count_text(len(done.removed), 'hook')} of track removed" if done.removed else "there was no hook of track")
    if done.manager is not None and done.removed:
        hint(f"lines that you added to the hooks of {done.manager} do nothing now; they may go")


def _show_lines(done: "late.hooks_install.HooksInstalled") -> None:
    """What to add to the hooks of another tool, as that tool wants it."""
    folder = display(str(done.folder))
    if done.manager == "lefthook":
        emit(f"{folder} belongs to lefthook; add to lefthook.yml, then: lefthook install")
        for name, line in done.lines:
            stdin = "\n      use_stdin: true" if late.hooks.needs_stdin(name) else ""
            emit(f"{name}:\n  commands:\n    track:\n      run: '{line}'{stdin}")
        return
    emit(f"{folder} belongs to {done.manager}; add to its hooks, each line to the hook it names:")
    for name, line in done.lines:
        emit(f"  {name}\n    {line}")
    if done.manager == "husky" and not (done.folder / _UNKNOWN).exists():
        copied = f"cp {typed(str(done.folder / 'post-merge'))} {typed(str(done.folder / _UNKNOWN))}"
        hint(f"husky does not know {_UNKNOWN}; to have Git call it, after every install of husky: {copied}")


def _show(hooks: "list[late.hooks.Hook] | tuple[late.hooks.Hook, ...]") -> None:
    table([("  " + hook.name, _HOW[hook.state].format(path=display(hook.path.name))) for hook in hooks])


def _document(hooks: "tuple[late.hooks.Hook, ...]") -> list[dict[str, str]]:
    return [{"name": hook.name, "state": hook.state, "path": display(str(hook.path))} for hook in hooks]
