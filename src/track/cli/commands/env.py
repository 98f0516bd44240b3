"""`track env`: what a run ran in."""

import click

from track.cli import late
from track.cli.session import count_text, emit, emit_json, note, opened, progress, table
from track.model.names import display

_HELP = """Show what a run ran in: its Python, packages, platform and lock file.

\b
  track env show brave-otter            everything known
  track env show brave-otter pandas     the version of one package
  track env diff brave-otter            against what is here
  track env freeze brave-otter > requirements.txt

\b
Exit codes: 0 done; 1 a difference, with --exit-code; 2 no such run or package; 3 not a project;
4 the list of packages is not here (--fetch brings it), or nowhere; 5 no remote can be asked.
"""

_SHOW_HELP = """Show what a run ran in; or the versions of some packages.

\b
  track env show brave-otter
  track env show brave-otter pandas numpy
  track env show brave-otter --json

\b
Exit codes: 0 done; 2 no such run, or a package that was not there; 3 not a project;
4 the list of packages is not here (--fetch brings it), or nowhere; 5 no remote can be asked.
"""

_DIFF_HELP = """Show how the environment of a run differs from that of another, or from what is here.

\b
  track env diff brave-otter            `-` is what the run had, `+` what the first Python in PATH has
  track env diff brave-otter calm-heron
  track env diff brave-otter --exit-code

Here is the Python that the run's command would start, else the first one in PATH.

\b
Exit codes: 0 done; 1 a difference, with --exit-code; 2 no such run; 3 not a project;
4 a list of packages is not here (--fetch brings it), or nowhere; 5 no remote can be asked.
"""

_FREEZE_HELP = """Print what was installed for a run, as pip and uv read it.

\b
  track env freeze brave-otter > requirements.txt
  track env freeze brave-otter | uv pip install -r -

Packages that were installed from a folder or a repository are named by their version, too.

\b
Exit codes: 0 done; 2 no such run, or no packages are known of it; 3 not a project;
4 the list of packages is not here (--fetch brings it), or nowhere; 5 no remote can be asked.
"""

_fetch = click.option("--fetch", is_flag=True, help="Bring the list of packages from a remote when it is not here.")


@click.group("env", help=_HELP, short_help="what a run ran in")
def command() -> None:
    """The group; its commands say what they do."""


@command.command("show", help=_SHOW_HELP, short_help="everything known of an environment")
@click.argument("run", metavar="RUN")
@click.argument("packages", nargs=-1, metavar="[PACKAGE]...")
@_fetch
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def show(*, run: str, packages: tuple[str, ...], fetch: bool, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        shown = late.env_show.env_show(project, run, packages, fetch=fetch, progress=progress())
    if as_json:
        document = {"run": shown.found.record.id, "facts": dict(shown.facts), "packages": dict(shown.packages)}
        emit_json("env show", document)
        return
    for name, fact in shown.facts.items():
        emit(f"{display(name)} = {display(fact)}")
    table([(display(name), display(version)) for name, version in shown.packages.items()])


@command.command("diff", help=_DIFF_HELP, short_help="how two environments differ")
@click.argument("run", metavar="RUN")
@click.argument("other", required=False, metavar="[RUN]")
@_fetch
@click.option("--exit-code", "with_code", is_flag=True, help="End with 1 when something differs.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def diff(*, run: str, other: str | None, fetch: bool, with_code: bool, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        found = late.env_diff.env_diff(project, run, other, fetch=fetch, progress=progress())
    if as_json:
        emit_json("env diff", _document(found))
    else:
        for difference in (*found.facts, *found.packages):
            _emit(difference)
        if found.is_same:
            note("the same")
    if with_code and not found.is_same:
        raise click.exceptions.Exit(1)


@command.command("freeze", help=_FREEZE_HELP, short_help="what was installed, for an installer")
@click.argument("run", metavar="RUN")
@_fetch
def freeze(*, run: str, fetch: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        lines = late.env_freeze.env_freeze(project, run, fetch=fetch, progress=progress())
    for line in lines:
        emit(display(line))
    note(count_text(len(lines), "package"))


def _emit(difference: "late.env_diff.Difference") -> None:
    name, before, after = difference
    if before is not None:
        emit(f"- {display(name)} {display(before)}")
    if after is not None:
        emit(f"+ {display(name)} {display(after)}")


def _document(found: "late.env_diff.EnvironmentDiff") -> dict[str, object]:
    def told(differences: "tuple[late.env_diff.Difference, ...]") -> dict[str, list[str | None]]:
        return {name: [before, after] for name, before, after in differences}

    return {
        "run": found.found.record.id,
        "other": None if found.other is None else found.other.record.id,
        "facts": told(found.facts),
        "packages": told(found.packages),
    }
