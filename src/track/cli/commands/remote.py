"""`track remote`: name the places where data is shared."""

from typing import Any

import click

from track.cli import late
from track.cli.recipients import identity, recipients
from track.cli.session import count_text, emit, emit_json, hint, note, opened, paint, table, warn
from track.errors import RemoteError
from track.model.names import display

_HELP = """Name the places where data is shared.

\b
  track remote add origin ../data-store      a folder beside the repository
  track remote add lab /mnt/lab/store        a share that is mounted
  track remote add origin s3://bucket/team   a bucket of S3
  track remote add origin gs://bucket/team   a bucket of Google Cloud Storage
  track remote add origin az://data/team     a container of Azure
  track remote add origin webdavs://HOST/DIR a folder of WebDAV
  track remote add mirror https://HOST/DIR   what a web server gives out, only to read
  track remote add origin s3://bucket/team --encrypt RECIPIENT    encrypted, so that the server learns nothing
  track remote identity                      who you are to an encrypted remote
  track remote check                         is it there, who are we to it, what may we do
  track remote list                          what is named, and what this clone may use
  track remote remove lab                    forget the name; the data there stays

\b
Exit codes: 0 done; 2 wrong usage; 3 not a project; 5 the place is absent, refuses us, or is no store;
6 the name stands for another place.
"""

_ADD_HELP = """Name a place as a remote, and make a store in it when it is empty (or the folder absent).

\b
  track remote add origin ../data-store
  track remote add lab /mnt/lab/store --no-create    only if a store is there
  track remote add backup /media/disk/data --clone   for this clone alone, not committed
  track remote add origin s3://bucket/project
  track remote add origin s3://bucket/project --endpoint https://minio.example.org --profile work
  track remote add origin gs://bucket/project
  track remote add origin az://container/project
  track remote add origin webdavs://cloud.example.org/data
  track remote add mirror https://data.example.org/project
  track remote add origin s3://bucket/project --encrypt "$(track remote identity)" --encrypt age1…

The name goes into .track/config.toml, which is committed, and is staged; the first remote becomes the default. The
relative path of a folder beside the repository stays one, so that it holds in every clone beside it. A remote that
came with the repository is used for sending only after you added it yourself, with this command, or `track trust`.
With --encrypt, what will be in a new store is encrypted before it leaves this machine, for the recipients that you
name: public keys of age or SSH, yours among them. It is decided here, and stays so.

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


_PUBLISH_HELP = """Make a list of what is in a remote, so that a web server can give it out to be read.

\b
  track remote publish              the default remote
  track remote publish lab

A web server (nginx, Apache, a bucket's public address) gives files out and cannot say which there are. The list says
it; every push afterwards makes it anew. Readers name the web address: track remote add mirror https://HOST/PATH

\b
Exit codes: 0 done; 3 not a project; 5 the remote is absent, refuses us, or is only read; 6 a push takes too long.
"""

_CHECK_HELP = """Try what this clone may do at a remote: list, read, write and delete, each by itself.


  track remote check              the default remote
  track remote check lab
  track remote check --json

It says as whom it came and where that was said, and for each failure what to change. Nothing of yours is sent.


Exit codes: 0 all is well; 2 wrong usage; 3 not a project; 5 something is not, or the remote is not allowed yet.
"""


@click.group("remote", help=_HELP, short_help="add, check, list and remove remotes")
def command() -> None:
    """Group them."""


@command.command("add", help=_ADD_HELP, short_help="name a folder as a remote")
@click.argument("name")
@click.argument("address", metavar="FOLDER|URL")
@click.option("--no-create", is_flag=True, help="Refuse a folder that is not a store yet.")
@click.option("--clone", is_flag=True, help="Write it to this clone's own configuration, which is not committed.")
@click.option("--no-stage", is_flag=True, help="Leave Git's index alone.")
@click.option("--encrypt", multiple=True, metavar="RECIPIENT", help="Encrypt what will be in a new store; repeatable.")
@click.option("--endpoint", metavar="URL", help="The server of a bucket or container, when it is not the provider's.")
@click.option("--region", metavar="REGION", help="The region of a bucket of S3.")
@click.option("--profile", metavar="PROFILE", help="The profile of ~/.aws for a bucket of S3.")
def add(name: str, address: str, no_create: bool, clone: bool, no_stage: bool, **more: Any) -> None:
    """Translate, call the verb, show."""
    recipients = more.pop("encrypt")
    way = late.address.Access(**more)
    options: dict[str, Any] = {"create": not no_create, "clone": clone, "stage": not no_stage, "access": way}
    with opened() as project:
        added = late.remote_add.remote_add(project, name, address, **options, recipients=recipients)
    what = "new store" if added.made else "store"
    what += "  encrypted" if added.is_encrypted else ""
    what += "  only read" if added.is_read_only else ""
    if not added.is_new:
        made = "new store  " if added.made else ""
        emit(f"{added.name}  {display(added.url)}  {made}this clone may use it now")
        return
    emit(f"{added.name}  {display(added.url)}  {what}{'  default' if added.is_default else ''}")
    if added.staged:
        then = "track pull brings the data" if added.is_read_only else "track push sends the data"
        note(f".track/config.toml is staged: git commit shares the name   {then}")
    else:
        note("track pull brings the data" if added.is_read_only else "track push sends the data")


@command.command("list", help=_LIST_HELP, short_help="list remotes")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_(as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        found = late.remote_list.remote_list(project)
    if as_json:
        emit_json("remotes", {"remotes": [_document(one) for one in found]})
        return
    if not found:
        note("no remote is named: track remote add origin FOLDER   or the URL of a bucket, a container or a server")
    table([(one.name, display(one.url), _state(one)) for one in found])
    for one in found:
        if not one.may_send and not one.is_read_only:
            note(f"to use `{display(one.name)}` for sending: track trust {display(one.name)}")


def _state(one: "late.remote_list.RemoteListed") -> str:
    words = ["default"] if one.is_default else []
    if one.is_encrypted:
        words.append("encrypted")
    if one.is_read_only:
        words.append("only read")
    if one.layer != "project":
        words.append("this clone" if one.layer == "clone" else one.layer)
    if not one.may_fetch or not (one.may_send or one.is_read_only):
        words.append(paint("fetch only" if one.may_fetch else "not allowed yet", "yellow"))
    return ", ".join(words)


def _document(one: "late.remote_list.RemoteListed") -> dict[str, object]:
    return {
        "name": one.name,
        "url": display(one.url),
        "folder": None if one.folder is None else display(str(one.folder)),
        "layer": one.layer,
        "default": one.is_default,
        "may_send": one.may_send,
        "may_fetch": one.may_fetch,
        "read_only": one.is_read_only,
        "encrypted": one.is_encrypted,
    }


@command.command("check", help=_CHECK_HELP, short_help="try what this clone may do at a remote")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def check(name: str | None, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        checked = late.remote_check.remote_check(project, name)
    if as_json:
        emit_json("remote-check", _checked_document(checked))
    else:
        _show_checked(checked)
    if checked.failures:
        first = checked.failures[0]
        raise RemoteError(f"remote `{display(checked.name)}`: {first.message}", hint=first.hint, details=first.details)


def _show_checked(checked: "late.remote_check.RemoteChecked") -> None:
    emit(f"{checked.name}  {display(checked.url)}")
    if checked.identity:
        emit(f"as {checked.identity}")
    table([(f"  {step.name}", paint(display(step.told), "red" if step.problem else "green")) for step in checked.steps])
    told = {failure.message for failure in checked.failures[:1]}
    for problem in checked.failures[1:]:
        if problem.message in told:
            continue
        told.add(problem.message)
        note(f"also: {problem.message}")
        for line in (problem.hint or "").splitlines():
            note(f"      {line}")


def _checked_document(checked: "late.remote_check.RemoteChecked") -> dict[str, object]:
    return {
        "name": checked.name,
        "url": display(checked.url),
        "identity": checked.identity,
        "store": checked.store_id,
        "conditional": checked.conditional,
        "sums": checked.sums,
        "steps": [
            {"name": step.name, "told": step.told, "problem": step.problem.message if step.problem else None}
            for step in checked.steps
        ],
    }


@command.command("publish", help=_PUBLISH_HELP, short_help="let a web server give a remote out")
@click.argument("name", required=False)
def publish(name: str | None) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        published = late.remote_publish.remote_publish(project, name)
    what = "a list is kept from now on" if published.is_new else "the list is made anew"
    emit(f"{published.name}  {display(published.url)}  {what}: {published.keys_count} keys")
    if published.is_new:
        note("where a web server gives the same folder out: track remote add mirror https://HOST/PATH")


command.add_command(identity)
command.add_command(recipients)


@command.command("remove", help=_REMOVE_HELP, short_help="forget a remote")
@click.argument("name")
@click.option("--no-stage", is_flag=True, help="Leave Git's index alone.")
def remove(name: str, no_stage: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        removed = late.remote_remove.remote_remove(project, name, stage=not no_stage)
    emit(f"{removed.name}  {display(removed.url)}  removed; the data there stays")
    if removed.alone_count:
        warn(
            f"{count_text(removed.alone_count, 'version')} at branches and tags may be nowhere else than there: too "
            "few other remotes are known to have all (store.min_copies)"
        )
        hint("track push --all --to OTHER      sends them to another one, as far as they are here")
    if removed.was_default:
        note("it was the default remote: track config core.remote NAME chooses another")
