"""`track du`: how much space artifacts and versions take."""

import click

from track.cli import late
from track.cli.fetch_option import fetch_option
from track.cli.fetching import bring_manifests
from track.cli.missing_text import say_what_is_missing
from track.cli.session import count_text, emit, emit_json, opened, progress, refuse, size_text, table, warn
from track.model.names import display, text_of
from track.model.pointer import Pointer

_HELP = """Show how much space artifacts and their versions take, and how much of it they share.

\b
  track du                  every artifact, over all its versions that HEAD reaches
  track du -a images        each version of one artifact
  track du --json

NOW is the size of the newest version. STORED counts every distinct content of all versions once, SHARED is the part
of it that other artifacts have too, UNIQUE the rest. Sizes are of contents, before packing and compressing.

\b
Exit codes: 0 done; 2 no such artifact; 3 not a project; 3, 6, 7 a pointer cannot be read (all others are shown).
"""


@click.command("du", help=_HELP, short_help="how much space artifacts and versions take")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.UNPROCESSED)
@click.option("-a", "--all", "each", is_flag=True, help="Show each version, with what it alone has.")
@fetch_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, paths: tuple[str, ...], each: bool, fetches: bool, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        found = late.du.du(project, paths, progress=progress())
        if fetches and bring_manifests(project, _lacking(found)):
            found = late.du.du(project, paths, progress=progress())
    if as_json:
        emit_json("du", _document(found))
    else:
        _show(found, each)
    refuse(found.refused)


def _show(found: "late.du.Sizes", each: bool) -> None:
    rows = [["NOW", "STORED", "SHARED", "UNIQUE", "VERSIONS", "ARTIFACT"]]
    for artifact in found.artifacts:
        rows.append(_row(artifact))
        if each:
            rows += _version_rows(artifact)
    table(rows if found.artifacts else [], right=(0, 1, 2, 3, 4))
    emit(f"{count_text(len(found.artifacts), 'artifact')}; everything together: {size_text(found.stored_size)}")
    lacking = sum(artifact.lacking_count - artifact.purged_count for artifact in found.artifacts)
    if lacking:
        versions = count_text(lacking, "version")
        warn(f"the manifests of {versions} are not here and not counted; `track du --fetch` brings them")
    say_what_is_missing(False, found.absent_count)


def _lacking(found: "late.du.Sizes") -> list[tuple[bytes, Pointer]]:
    """The directories of which nobody knows here what is in them."""
    return [
        (artifact.path, Pointer(kind="directory", digest=version.digest, size=version.size, files=0))
        for artifact in found.artifacts
        for version in artifact.versions
        if version.unique_size is None
    ]


def _title(artifact: "late.du.ArtifactSize") -> str:
    return display(artifact.name if artifact.name is not None else artifact.path)


def _row(artifact: "late.du.ArtifactSize") -> list[str]:
    sizes = (artifact.size, artifact.stored_size, artifact.shared_size, artifact.unique_size)
    return [*map(size_text, sizes), f"{len(artifact.versions):,}", _title(artifact)]


def _version_rows(artifact: "late.du.ArtifactSize") -> list[list[str]]:
    rows = []
    for version in artifact.versions:
        alone = "not known" if version.unique_size is None else size_text(version.unique_size)
        where = version.commit[:12] if version.commit else "not committed"
        rows.append([size_text(version.size), "", "", alone, "", f"  {version.digest.short}  {where}"])
    return rows


def _document(found: "late.du.Sizes") -> dict[str, object]:
    return {
        "stored_size": found.stored_size,
        "absent": found.absent_count,
        "artifacts": [
            {
                "path": text_of(artifact.path),
                "name": artifact.name,
                "size": artifact.size,
                "stored_size": artifact.stored_size,
                "shared_size": artifact.shared_size,
                "unique_size": artifact.unique_size,
                "lacking": artifact.lacking_count,
                "purged": artifact.purged_count,
                "versions": [
                    {
                        "digest": str(version.digest),
                        "commit": version.commit,
                        "size": version.size,
                        "unique_size": version.unique_size,
                    }
                    for version in artifact.versions
                ],
            }
            for artifact in found.artifacts
        ],
    }
