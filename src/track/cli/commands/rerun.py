"""`track rerun`: the command of a run again, here and now."""

import click

from track.cli import ran_text
from track.cli.session import note, opened, progress
from track.model.names import display
from track.verbs.rerun import Changes, rerun
from track.verbs.run import Asked

_HELP = """Execute the command of a run again, with the code and the data that are here now, as a run of its own.

\b
  track rerun brave-otter
  track rerun brave-otter -- --epochs 5         with other arguments
  track rerun brave-otter -p lr=0.2 --name again
  track rerun brave-otter --isolated

What stands behind `--` takes the place of what stood behind the program, or behind the script of an interpreter. Inputs
and outputs that were declared are declared again; folder, tags, metadata and parameters are those of the run, and
`rerun_of` among the metadata names it. `track reproduce` uses the old code and data instead, and compares.

\b
Exit codes: the command's own; 127 when there is no such command; 1 a declared output was not written;
1 the record could not be committed; 2 no such run, or a command that cannot be executed again; 3 not a project;
6 an output that Git has or that lies in another.
"""


@click.command("rerun", help=_HELP, short_help="the command of a run again, here and now")
@click.argument("run", metavar="RUN")
@click.argument("arguments", nargs=-1, metavar="[-- ARGUMENT]...", type=click.UNPROCESSED)
@click.option("-p", "--param", "params", multiple=True, metavar="KEY=VALUE", help="Another parameter.")
@click.option("--name", metavar="NAME", help="The name of the new run; else two words are chosen.")
@click.option("--isolated", is_flag=True, help="Run where only the code and the declared inputs are.")
@click.option("--commit", is_flag=True, help="Commit the record and the pointers of what it made.")
@click.option("--no-keep", is_flag=True, help="Keep the run in this clone's journal alone.")
def command(
    *,
    run: str,
    arguments: tuple[str, ...],
    params: tuple[str, ...],
    name: str | None,
    isolated: bool,
    commit: bool,
    no_keep: bool,
) -> None:
    """Translate, call the verb, show."""
    changes = Changes(arguments or None, name, dict(map(ran_text.fact, params)))
    with opened() as project:
        observe = project.config.text("runs.observe") or "auto"
        asked = Asked((), (), observe, not no_keep, isolated, commit)
        done = rerun(project, run, changes, asked, echo=ran_text.echo, progress=progress())
    note(f"as run {display(done.found.record.name)}: {display(' '.join(done.command))}")
    ran_text.say(done.ran)
    if done.ran.code:
        raise click.exceptions.Exit(done.ran.code)
