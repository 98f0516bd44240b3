"""`track remote`: name the places where data is shared."""

import click

from track.cli.session import emit, emit_json, note, opened, paint, table
from track.model.names import display
from track.verbs.remote_add import remote_add
from track.verbs.remote_list import RemoteListed, remote_list
from track.verbs.remote_remove import remote_remove

_HELP = """Name the places where data is shared.

\b
  track remote add origin ../data-store      a folder beside the repository
  track remote add lab /mnt/lab/store        a share that is mounted
  track remote list                          what is named, and what this clone may use
  track remote remove lab                    forget the name; the data there stays

\b
Exit codes: 0 done; 2 wrong usage; 3 not a project; 5 the folder is absent, or is no store;
6 the name stands for another folder.
"""

_ADD_HELP = """Name a folder as a remote, and make a store in it when it is absent or empty.

\b
  track remote add origin ../data-store
  track remote add lab /mnt/lab/store --no-create    only if a store is there
  track remote add backup /media/disk/data --clone   for this clone alone, not committed

The name goes into .track/config.toml, which is committed, and is staged; the first remote becomes the default. The
relative path of a folder beside the repository stays one, so that it holds in every clone beside it. A remote that
came with the repository is used for sending only after you added it yourself, with this command.

\b
Exit codes: 0 done; 2 the name or the folder cannot be; 3 not a project; 5 the folder's parent is absent, or the
folder has something else in it; 6 the name stands for another folder.
"""

_LIST_HELP = """List the remotes that are named, and what this clone may do with each. None of them is asked.

\b
  track remote list
  track remote list --json

\b
Exit codes: 0 done; 3 not a project.
"""

_REMOVE_HELP = """Take a remote out of the configuration. Nothing at the remote is touched.

\b
  track remote remove lab

\b
Exit codes: 0 done; 3 not a project; 5 there is none of that name.
"""


@click.group("remote", help=_HELP, short_help="add, list and remove remotes")
def command() -> None:
    """Group the three."""


@command.command("add", help=_ADD_HELP, short_help="name a folder as a remote")
@click.argument("name")
@click.argument("address", metavar="FOLDER")
@click.option("--no-create", is_flag=True, help="Refuse a folder that is not a store yet.")
@click.option("--clone", is_flag=True, help="Write it to this clone's own configuration, which is not committed.")
@click.option("--no-stage", is_flag=True, help="Leave Git's index alone.")
def add(name: str, address: str, no_create: bool, clone: bool, no_stage: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        added = remote_add(project, name, address, create=not no_create, clone=clone, stage=not no_stage)
    what = "new store" if added.made else "store"
    if not added.is_new:
        emit(f"{added.name}  {display(added.url)}  this clone may use it now")
        return
    emit(f"{added.name}  {display(added.url)}  {what}{'  default' if added.is_default else ''}")
    if added.staged:
        note(".track/config.toml is staged: git commit shares the name   track push sends the data")
    else:
        note("track push sends the data")


@command.command("list", help=_LIST_HELP, short_help="list remotes")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_(as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        found = remote_list(project)
    if as_json:
        emit_json("remotes", {"remotes": [_document(one) for one in found]})
        return
    if not found:
        note("no remote is named: track remote add origin FOLDER")
    table([(one.name, display(one.url), _state(one)) for one in found])
    for one in found:
        if not one.may_send:
            note(f"to use `{one.name}` for sending: track remote add {one.name} {display(one.url)}")


def _state(one: RemoteListed) -> str:
    words = ["default"] if one.is_default else []
    if one.layer != "project":
        words.append("this clone" if one.layer == "clone" else one.layer)
    if not one.may_send:
        words.append(paint("fetch only" if one.may_fetch else "not allowed yet", "yellow"))
    return ", ".join(words)


def _document(one: RemoteListed) -> dict[str, object]:
    return {
        "name": one.name,
        "url": display(one.url),
        "folder": display(str(one.folder)),
        "layer": one.layer,
        "default": one.is_default,
        "may_send": one.may_send,
        "may_fetch": one.may_fetch,
    }


@command.command("remove", help=_REMOVE_HELP, short_help="forget a remote")
@click.argument("name")
@click.option("--no-stage", is_flag=True, help="Leave Git's index alone.")
def remove(name: str, no_stage: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        removed = remote_remove(project, name, stage=not no_stage)
    emit(f"{removed.name}  {display(removed.url)}  removed; the data there stays")
    if removed.was_default:
        note("it was the default remote: track config core.remote NAME chooses another")
