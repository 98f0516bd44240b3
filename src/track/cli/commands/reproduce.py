"""`track reproduce`: a run again in isolation, and a verdict for each output."""

from contextlib import suppress

import click

from track.cli import late
from track.cli.consenting import asks
from track.cli.session import count_text, duration_text, emit, emit_json, hint, note, opened, progress, table
from track.model.names import display
from track.system import write_all

_HELP = """Execute the command of a run again where only its code and its inputs are, and compare what it makes.

\b
  track reproduce brave-otter
  track reproduce brave-otter --fetch           in another clone: bring code and inputs first
  track reproduce brave-otter --json

Each output gets a verdict: `same` bytes; `equivalent`, when its format says that it means the same: a table (CSV, TSV,
Parquet), a JSON value, a NumPy array, text; `different`; or `missing`. Nothing is recorded, and your working tree stays
as it is. What the command writes to its streams goes to stderr. The interpreter and the packages are those that are
here: `track env diff RUN` says how they differ.

A record that you did not make came with the repository, and so did its command and its code: it is shown, and executed
when you say so at the terminal, with --yes, or beforehand with `track trust RUN`.

\b
Exit codes: 0 every output came again, and the command ended as it had; 1 otherwise; 2 no such run, no code was kept
with it, or its command cannot be executed again; 3 not a project; 4 code or inputs are not here (--fetch brings them),
or nowhere; 5 no remote can be asked, or a command that came with
the repository was not allowed; 7 damaged data; 127 the program is not here.
"""


@click.command("reproduce", help=_HELP, short_help="a run again in isolation, and what came of it")
@click.argument("run", metavar="RUN")
@click.option("--fetch", is_flag=True, help="Bring what is not here from a remote.")
@click.option("--yes", is_flag=True, help="Allow a command that came with the repository, without asking.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, run: str, fetch: bool, yes: bool, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        done = late.reproduce.reproduce(project, run, echo=_echo, fetch=fetch, ask=asks(yes), progress=progress())
    if as_json:
        emit_json("reproduce", _document(done))
    else:
        _show(done)
    if not done.is_reproduced:
        raise click.exceptions.Exit(1)


def _echo(number: int, block: bytes) -> None:
    with suppress(BrokenPipeError):
        write_all(2, block)


def _show(done: "late.reproduce.Reproduced") -> None:
    record = done.found.record
    if done.code != (record.exit or 0):
        emit(f"the command ended with {done.code}, and had ended with {record.exit or 0}")
    table([(each.kind, display(each.path), each.why) for each in done.verdicts])
    good = sum(each.is_good for each in done.verdicts)
    note(
        f"run {display(record.name)} took {duration_text(done.seconds)}: {good:,} of "
        f"{count_text(len(done.verdicts), 'output')} came again"
    )
    if done.not_there:
        note(f"not there this time, as it is no tracked path: {display(' '.join(done.not_there))}")
    if done.not_compared:
        note(f"not compared, as a program saved it to the run alone: {display(' '.join(done.not_compared))}")
    if not done.is_reproduced:
        hint(f"see whether the environment is another: track env diff {record.id}")


def _document(done: "late.reproduce.Reproduced") -> dict[str, object]:
    return {
        "run": done.found.record.id,
        "reproduced": done.is_reproduced,
        "exit": done.code,
        "recorded_exit": done.found.record.exit,
        "seconds": done.seconds,
        "outputs": [
            {
                "path": display(each.path),
                "verdict": each.kind,
                "why": each.why,
                "recorded": str(each.recorded),
                "now": None if each.now is None else str(each.now),
            }
            for each in done.verdicts
        ],
        "not_there": [display(name) for name in done.not_there],
        "not_compared": [display(name) for name in done.not_compared],
    }
