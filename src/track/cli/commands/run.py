"""`track run`: execute a command and keep what it used and made."""

import click

from track.cli import late, ran_text
from track.cli.hooking import ensure_hooks
from track.cli.session import opened, progress

_HELP = """Execute a command and keep what is known of it: code, environment, inputs, outputs and how it ended.

\b
  track run -- python train.py --epochs 3        files that it opens are noticed
  track run -o model.pt -- ./train.sh            a new file becomes an artifact
  track run -p lr=0.1 --name base -- python train.py
  track run --tag sweep --folder /sweeps -- make all
  track run -i rides@prod -o model.pt -- ./train.sh       a version of a named artifact is an input
  track run --isolated -i data.csv -o model.pt -- python train.py    only these, and the code, are there
  track run --metrics loss.csv -- ./train.sh     lines of CSV, or of JSON, are its metrics as they come
  track run --commit -o model.pt -- ./train.sh   commits the record and the pointers

Nothing in the command changes. Tracked files that it read are its inputs, those that it changed its outputs; what it
writes anew is named with --output. A record and the pointers of what it made are staged for your next commit; the
code as it was, uncommitted changes included, is stored with it. Values of variables that look secret are left out.

With --isolated the command runs in a temporary working tree that has the code and the declared inputs alone; what it
writes elsewhere than to its outputs does not survive. With --commit exactly the record, the pointers of what was made
and the lines that keep its data out of Git are committed, and nothing else that is staged.

With --require-clean, or --require-pushed, or the setting runs.require, code that is in no commit, or in none that a Git
remote has, is refused before anything is executed.

\b
Exit codes: the command's own; 127 when there is no such command; 1 a declared output was not written;
1 the record could not be committed, or the code is refused; 2 wrong usage; 3 not a project;
6 an output that Git has or that lies in another.
"""


@click.command(
    "run",
    help=_HELP,
    short_help="execute a command and keep what it used and made",
    context_settings={"ignore_unknown_options": False, "allow_interspersed_args": False},
)
@click.argument("command_line", nargs=-1, metavar="-- COMMAND...", type=click.UNPROCESSED)
@click.option(
    "-i",
    "--input",
    "inputs",
    multiple=True,
    metavar="PATH|NAME",
    help="A tracked path or a named artifact that it uses.",
)
@click.option("-o", "--output", "outputs", multiple=True, metavar="PATH", help="A path that it writes.")
@click.option("--metrics", "metrics", multiple=True, metavar="FILE", help="A file in which it writes its metrics.")
@click.option("-p", "--param", "params", multiple=True, metavar="KEY=VALUE", help="A parameter; may be repeated.")
@click.option("--meta", "metadata", multiple=True, metavar="KEY=VALUE", help="A fact about the run; may be repeated.")
@click.option("--name", metavar="NAME", help="The name; else two words are chosen.")
@click.option("--folder", default="/", metavar="/FOLDER", help="The folder of the run.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="A tag; may be repeated.")
@click.option("--description", metavar="TEXT", help="What it is for.")
@click.option(
    "--observe",
    "observing",
    type=click.Choice(["auto", "python", "trace", "off"]),
    help="How to notice the files that it opens.",
)
@click.option("--isolated", is_flag=True, help="Run where only the code and the declared inputs are.")
@click.option("--require-clean", "is_clean", is_flag=True, help="Refuse code that no commit has.")
@click.option("--require-pushed", "is_pushed", is_flag=True, help="Refuse code that no Git remote has.")
@click.option("--commit", is_flag=True, help="Commit the record and the pointers of what it made.")
@click.option("--no-keep", is_flag=True, help="Keep the run in this clone's journal alone.")
def command(
    *,
    command_line: tuple[str, ...],
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
    metrics: tuple[str, ...],
    params: tuple[str, ...],
    metadata: tuple[str, ...],
    name: str | None,
    folder: str,
    tags: tuple[str, ...],
    description: str | None,
    observing: str | None,
    isolated: bool,
    is_clean: bool,
    is_pushed: bool,
    commit: bool,
    no_keep: bool,
) -> None:
    """Translate, call the verb, show."""
    wishes = late.run_start.Wishes(
        name,
        folder,
        description,
        tuple(dict.fromkeys(tags)),
        dict(map(ran_text.fact, metadata)),
        dict(map(ran_text.fact, params)),
    )
    with opened() as project:
        observe = observing or project.config.text("runs.observe") or "auto"
        require = "pushed" if is_pushed else "clean" if is_clean else None
        asked = late.run.Asked(
            inputs, outputs, observe, not no_keep, isolated, ran_text.committing(commit), metrics, require
        )
        ran = late.run.run(project, command_line, wishes, asked, echo=late.command.to_our_own, progress=progress())
        ensure_hooks(project)
    ran_text.end(ran)
