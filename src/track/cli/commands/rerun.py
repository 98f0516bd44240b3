"""`track rerun`: the command of a run again, here and now."""

import shlex
from collections.abc import Mapping

import click

from track.cli import late, ran_text
from track.cli.consenting import asks
from track.cli.remade_text import Shown
from track.cli.session import note, opened, progress
from track.errors import UsageError
from track.model.names import display

_HELP = """Execute the command of a run again, with the code and the data that are here now, as a run of its own.

\b
  track rerun brave-otter
  track rerun brave-otter -- --epochs 5         with other arguments
  track rerun brave-otter -p lr=0.2 --name again
  track rerun brave-otter --isolated
  track rerun --stale                           all that is stale, what others use first
  track rerun --stale reports -n                what that would execute

What stands behind `--` takes the place of what stood behind the program, or behind the script of an interpreter. Inputs
and outputs that were declared are declared again; folder, tags, metadata and parameters are those of the run, and
`rerun_of` among the metadata names it. `track reproduce` uses the old code and data instead, and compares.

A record that you did not make came with the repository, and so did its command: it is shown, and executed when you say
so at the terminal, with --yes, or beforehand with `track trust RUN`.

With --stale, the runs whose results `track stale` lists are executed again, each after those whose results it uses, and
all that they used and made is declared for them. A result that comes out as it was makes nothing behind it stale, which
is then spared. What cannot be executed again is left with what needs it, and told at the end. After a command that
failed nothing more is begun; with --keep-going, only what needs its results is left. A second one in the same working
tree is refused until the first has ended, however that ends.

\b
Exit codes: the command's own; 127 when there is no such command; 1 a declared output was not written;
1 the record could not be committed; 2 no such run, or a command that cannot be executed again; 3 not a project;
5 a command that came with the repository and was not allowed; 6 an output that Git has or that lies in another.
With --stale: 0 nothing is stale any more; 1 a command failed; 2 a run that cannot be executed again;
5 a command that was not allowed; 6 changes that were not added, or another one, are in the way;
130 interrupted.
"""


@click.command("rerun", help=_HELP, short_help="the command of a run again, here and now")
@click.argument("run", metavar="[RUN]", required=False)
@click.argument("arguments", nargs=-1, metavar="[-- ARGUMENT]...", type=click.UNPROCESSED)
@click.option("-p", "--param", "params", multiple=True, metavar="KEY=VALUE", help="Another parameter.")
@click.option("--name", metavar="NAME", help="The name of the new run; else two words are chosen.")
@click.option("--isolated", is_flag=True, help="Run where only the code and the declared inputs are.")
@click.option("--commit", is_flag=True, help="Commit the record and the pointers of what it made.")
@click.option("--no-keep", is_flag=True, help="Keep the run in this clone's journal alone.")
@click.option("--yes", is_flag=True, help="Allow a command that came with the repository, without asking.")
@click.option("--stale", "is_stale", is_flag=True, help="All that is stale, or what of it lies at the paths named.")
@click.option("-k", "--keep-going", is_flag=True, help="With --stale: go on with what does not need what failed.")
@click.option("-n", "--dry-run", is_flag=True, help="With --stale: show what would be executed.")
@click.option("--json", "as_json", is_flag=True, help="With --stale --dry-run: print one JSON document.")
def command(
    *,
    run: str | None,
    arguments: tuple[str, ...],
    params: tuple[str, ...],
    name: str | None,
    isolated: bool,
    commit: bool,
    no_keep: bool,
    yes: bool,
    is_stale: bool,
    keep_going: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Translate, call the verb, show."""
    if is_stale:
        _refuse_with_stale({"--param": params, "--name": name, "--no-keep": no_keep})
        paths = (*(() if run is None else (run,)), *arguments)
        _rerun_stale(
            paths,
            late.run.Asked(isolated=isolated, commit=ran_text.committing(commit)),
            keep_going,
            yes,
            Shown(dry_run, as_json),
        )
        return
    if keep_going or dry_run or as_json:
        raise UsageError("--keep-going, --dry-run and --json are for --stale", hint="track rerun --stale --dry-run")
    if run is None:
        raise UsageError("no run was named", hint="track runs list      all that is stale: track rerun --stale")
    changes = late.rerun.Changes(arguments or None, name, dict(map(ran_text.fact, params)))
    with opened() as project:
        observe = project.config.text("runs.observe") or "auto"
        asked = late.run.Asked((), (), observe, not no_keep, isolated, ran_text.committing(commit))
        done = late.rerun.rerun(
            project, run, changes, asked, echo=late.command.to_our_own, ask=asks(yes), progress=progress()
        )
    note(f"as run {display(done.found.record.name)}: {display(shlex.join(done.command))}")
    ran_text.end(done.ran)


def _refuse_with_stale(given: Mapping[str, object]) -> None:
    if wrong := [option for option, value in given.items() if value]:
        raise UsageError(f"--stale executes runs as they were: {wrong[0]} is for one run", hint="track rerun RUN")


def _rerun_stale(paths: tuple[str, ...], asked: "late.run.Asked", keep_going: bool, yes: bool, shown: Shown) -> None:
    if shown.as_json and not shown.is_dry:
        raise UsageError("--json shows what would be executed", hint="track rerun --stale --dry-run --json")
    with opened() as project:
        observe = project.config.text("runs.observe") or "auto"
        asked = asked._replace(observe=observe)
        done = late.rerun_stale.rerun_stale(
            project,
            paths,
            asked,
            keep_going=keep_going,
            dry_run=shown.is_dry,
            tell=shown.tell,
            echo=late.command.to_our_own,
            ask=asks(yes),
            progress=progress(),
        )
    shown.close(done)
