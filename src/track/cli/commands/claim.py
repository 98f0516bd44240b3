"""`track claim`: say how something was made that no run saw."""

import click

from track.cli import late, ran_text
from track.cli.separated import Separated, paths_behind
from track.cli.session import count_text, hint, note, opened, progress

_HELP = """Say how something was made that no run saw; nothing is executed.

\b
  track claim model.pt -- python train.py --epochs 3
  track claim -i data.csv features.parquet report.html -- make features
  track claim model.pt --description 'trained on the old cluster' -- sbatch train.sh

What the paths hold now is stored, with a record in which every entry says `claimed`, so that nobody takes it for
something that was seen. Code and environment are not known of a claim; the record says who claimed it, and when.

\b
Exit codes: 0 done; 2 wrong usage, or nothing is there; 3 not a project; 6 a path that Git has or that lies in another
artifact, or locked; 1 it cannot be stored.
"""


@click.command("claim", cls=Separated, help=_HELP, short_help="say how something was made that no run saw")
@click.argument("paths", nargs=-1, metavar="PATH... [-- COMMAND]...", type=click.UNPROCESSED)
@click.option("-i", "--input", "inputs", multiple=True, metavar="PATH", help="A tracked path that was used.")
@click.option("-p", "--param", "params", multiple=True, metavar="KEY=VALUE", help="A parameter; may be repeated.")
@click.option("--meta", "metadata", multiple=True, metavar="KEY=VALUE", help="A fact about it; may be repeated.")
@click.option("--name", metavar="NAME", help="The name of the run; else two words are chosen.")
@click.option("--folder", default="/", metavar="/FOLDER", help="The folder of the run.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="A tag; may be repeated.")
@click.option("--description", metavar="TEXT", help="What is known of it besides.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    paths: tuple[str, ...],
    inputs: tuple[str, ...],
    params: tuple[str, ...],
    metadata: tuple[str, ...],
    tags: tuple[str, ...],
    **texts: str | None,
) -> None:
    """Translate, call the verb, show."""
    wishes = late.run_start.Wishes(
        texts["name"],
        texts["folder"] or "/",
        texts["description"],
        tuple(dict.fromkeys(tags)),
        dict(map(ran_text.fact, metadata)),
        dict(map(ran_text.fact, params)),
    )
    with opened() as project:
        done = late.claim.claim(project, paths, paths_behind(ctx), wishes, inputs=inputs, progress=progress())
    record = done.record
    made = sum(one.path is not None for one in record.of("output"))
    note(f"run {record.name} ({record.short}) is claimed to have made {count_text(made, 'output')}")
    if done.why_not is None:
        note("its record is staged: git commit keeps it")
    else:
        hint(f"it is in the journal only: {done.why_not}")
