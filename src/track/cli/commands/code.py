"""`track code`: exactly the code that a run saw."""

import click

from track.cli import late
from track.cli.session import count_text, emit_bytes, note, opened, progress
from track.errors import UsageError
from track.model.names import display, text_of

_HELP = """Put exactly the code that a run saw into a new folder, also when its commit is long gone.

\b
  track code brave-otter                        into code-1b2c3d4e, here
  track code brave-otter -o ../as-it-was
  track code brave-otter --worktree -o ../as-it-was    Git shows there what was not committed
  track code brave-otter --patch                what differed from its commit, for `git apply`

Uncommitted changes and untracked files are in it. Pointers, records, ignore and attribute files are no code; the data
that the run used comes with `track checkout --inputs RUN`. Files that were left out when the code was kept, because
they were large or looked secret, are named. A working tree that you do not need any more: git worktree remove FOLDER.

\b
Exit codes: 0 done; 1 Git makes no working tree there; 2 no such run, no code was kept with it, or no such folder;
3 not a project; 4 the code is not here (--fetch brings it), or nowhere; 5 no remote can be asked;
6 something stands at the target; 7 damaged data.
"""


@click.command("code", help=_HELP, short_help="exactly the code that a run saw")
@click.argument("run", metavar="RUN")
@click.option("-o", "--output", "target", metavar="FOLDER", help="Where to; a folder that is not there yet.")
@click.option("--worktree", is_flag=True, help="Make it a linked working tree of Git at the run's commit.")
@click.option("--patch", is_flag=True, help="Print what differed from the commit, and make nothing.")
@click.option("--fetch", is_flag=True, help="Bring what is not here from a remote.")
def command(*, run: str, target: str | None, worktree: bool, patch: bool, fetch: bool) -> None:
    """Translate, call the verb, show."""
    if patch and (target is not None or worktree):
        raise UsageError("--patch makes no folder", hint=f"track code {run} --patch > changes.patch")
    with opened() as project:
        if patch:
            emit_bytes(late.code.code_patch(project, run, fetch=fetch, progress=progress()))
            return
        laid = late.code.code(project, run, target, worktree=worktree, fetch=fetch, progress=progress())
    note(
        f"the code of run {display(laid.found.record.name)} is in {display(str(laid.target))} "
        f"({count_text(laid.files_count, 'file')})"
    )
    if laid.omitted:
        note(f"left out when it was kept: {display(' '.join(text_of(path) for path in laid.omitted))}")
