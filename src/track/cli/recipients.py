"""The commands of `track remote` about who can open an encrypted one."""

import click

from track.cli import late
from track.cli.session import emit, emit_json, note, opened
from track.model.names import display

_IDENTITY_HELP = """Print your recipients: what others need, to encrypt a remote for you. Your identity stays secret.

\b
  track remote identity           of the file that `age.identity` names, else of age.txt beside your configuration
  track remote identity --new     make that file, with a new identity, when it is not there
  track remote add origin s3://bucket/project --encrypt "$(track remote identity)"

Keep a copy of the file where it cannot be lost: without an identity of any recipient, nobody can read the remote.
A key of SSH has its recipient beside it, in its .pub file.

\b
Exit codes: 0 done; 3 not a project; 5 there is no identity; 6 a file is there already.
"""

_RECIPIENTS_HELP = """List who can open an encrypted remote, or add to them.

\b
  track remote recipients list                     of the default remote
  track remote recipients list lab
  track remote recipients add origin age1…         so that a colleague can read and write there
  track remote recipients add origin "$(cat colleague.pub)"

\b
Exit codes: 0 done; 2 wrong usage; 3 not a project; 5 the remote is absent, or you cannot open it.
"""

_LIST_HELP = """List who can open an encrypted remote, as it says.

\b
  track remote recipients list
  track remote recipients list lab --json

\b
Exit codes: 0 done; 3 not a project; 5 the remote is absent, or you cannot open it.
"""

_ADD_HELP = """Have more recipients open an encrypted remote: all that is in it, and whatever comes.

\b
  track remote recipients add origin age1…
  track remote recipients add origin "$(cat colleague.pub)"

It cannot be taken back: whoever had the key may have kept it. For less, make another remote and push there.

\b
Exit codes: 0 done; 2 that is no recipient, or the remote is not encrypted; 3 not a project; 5 the remote is absent,
only read, or you cannot open it; 6 a push takes too long; 7 it is not encrypted with the key of the configuration.
"""


@click.command("identity", help=_IDENTITY_HELP, short_help="print your recipients")
@click.option("--new", is_flag=True, help="Make the file, with a new identity.")
def identity(new: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        found = late.remote_identity.remote_identity(project, new=new)
    for recipient in found.recipients:
        emit(recipient)
    if found.is_new:
        note(f"made {display(str(found.source))}: keep a copy where it cannot be lost, and show it to nobody")
    elif not found.recipients:
        note(f"{display(str(found.source))} is a key of SSH: its recipient is in the .pub file beside it")


@click.group("recipients", help=_RECIPIENTS_HELP, short_help="who can open an encrypted remote")
def recipients() -> None:
    """Group the two."""


@recipients.command("list", help=_LIST_HELP, short_help="list who can open a remote")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_(name: str | None, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        found = late.remote_recipients.remote_recipients(project, name)
    if as_json:
        emit_json("recipients", {"name": found.name, "url": found.url, "recipients": list(found.recipients)})
        return
    if not found.recipients:
        note(f"{display(found.name)} is not encrypted: whoever can read there can read everything")
    for recipient in found.recipients:
        emit(recipient)


@recipients.command("add", help=_ADD_HELP, short_help="have somebody else open a remote")
@click.argument("name")
@click.argument("recipient", nargs=-1, required=True)
def add(name: str, recipient: tuple[str, ...]) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        done = late.remote_recipients_add.remote_recipients_add(project, name, recipient)
    for one in done.added:
        emit(f"{one}  can open {display(done.name)} now")
    if not done.added:
        note(f"{display(done.name)}  they all can open it already")
