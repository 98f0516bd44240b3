"""Import DVC: what DVC tracks becomes artifacts, out of its own objects, which are only read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from track.errors import TrackError, UnknownPath
from track.flows.adopting import Adopter
from track.flows.converting import (
    Conversion,
    Known,
    ask_git,
    convert,
    not_committed,
    refuse_below,
    refuse_git,
    refuse_unfit,
    uncommitted,
)
from track.flows.dvc_found import Declared, Refused, chosen, find
from track.flows.dvc_reading import Content, Reader, summed
from track.flows.dvc_saying import Said, pointer_for, with_origins
from track.flows.pointers import exists, pointer_at
from track.history import index
from track.model.digest import Digest
from track.model.names import display, pointer_path
from track.progress import Progress, silent
from track.project import Project


@dataclass(frozen=True, slots=True)
class ImportedArtifact:
    """One artifact as the import left it, or would; sizes are in bytes. `file` is DVC's, gone when `is_replaced`.

    `is_changed` says that its pointer was written; `left_out` in words what of DVC's a pointer does not say.
    """

    path: bytes
    file: bytes
    kind: str
    digest: Digest
    size: int
    files: int | None
    is_changed: bool
    is_replaced: bool
    is_here: bool
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImportedDvc:
    """What an import did, or in a dry run would do, sorted by path.

    `refused` are outputs and files that were left as they are, each with its error; `passed` those that are none of
    ours, with the reason. `stored_bytes` were new to the store.
    """

    artifacts: tuple[ImportedArtifact, ...]
    refused: tuple[Refused, ...]
    passed: tuple[tuple[bytes, str], ...]
    pipelines: tuple[bytes, ...]
    staged: tuple[bytes, ...]
    stored_bytes: int
    is_dry: bool


def import_dvc(
    project: Project,
    paths: Sequence[str] = (),
    *,
    places: Sequence[str] = (),
    fetch: bool = False,
    stage: bool = True,
    dry_run: bool = False,
    progress: Progress = silent,
) -> ImportedDvc:
    """Make artifacts of DVC's outputs at or below `paths` (none: all), and replace its pointers by ours.

    Every byte is checked against DVC's MD5 before it is believed. An output of which anything is missing, damaged or
    changed is left as it is; the others are not held up by it. What is not on this machine is looked for at `places`,
    folders or URLs where DVC has objects, and with `fetch` at the remotes that DVC's configuration names. Lock files
    stay: they are of pipelines, which DVC runs. Interrupted at any point, the same call goes on. In a dry run
    everything is read and nothing written.

    Raises:
        UnknownPath: a path names nothing of DVC's.
        NoFormat: what reads DVC's files is not installed.
        UsageError: a place is of a kind that this version does not reach.
        RemoteError: a place or remote does not answer.
        Locked, DiskFull, StoreUnwritable, GitFailed: it could not be done to its end.
    """
    given = [project.relative(path) for path in paths]
    with project.lock():
        found, unknown = chosen(find(project), given)
        if unknown:
            raise UnknownPath(
                f"nothing of DVC's is at `{display(unknown[0])}`", hint="what DVC tracks: dvc list . --dvc-only -R"
            )
        refused = list(found.refused)
        passed = [(one.path, one.output.why_not or "") for one in found.outputs if one.output.is_gits]
        with Adopter(project, dry_run=dry_run, progress=progress) as adopter:
            reader = Reader(project, adopter, progress, places=places, fetch=fetch)
            ready = dict(_ready(project, adopter, reader, found.outputs, refused))
            stored_bytes = adopter.commit()
            needed = found.partly | {one.file for one in refused}
            conversions, artifacts = _planned(project, ready, needed)
            staged = () if dry_run else convert(project, conversions, stage=stage)
        if stage and not dry_run:
            staged = tuple(sorted({*staged, *_finish(project, found.gone)}))
    return ImportedDvc(
        artifacts=tuple(artifacts),
        refused=tuple(sorted(refused, key=lambda one: one.path or one.file)),
        passed=tuple(passed),
        pipelines=tuple(sorted({one.file for one in found.outputs if one.is_locked})),
        staged=staged,
        stored_bytes=stored_bytes,
        is_dry=dry_run,
    )


def _ready(
    project: Project, adopter: Adopter, reader: Reader, outputs: Sequence[Declared], refused: list[Refused]
) -> Iterator[tuple[bytes, tuple[Declared, Content, Said]]]:
    """Every output of which each byte is in the store, by path; the others go to `refused`."""
    unsaved = uncommitted(project, sorted({one.file for one in outputs if not one.is_locked}))
    known = ask_git(project, [one.path for one in outputs if not one.output.is_gits])
    done: set[bytes] = set()
    for declared in outputs:
        if declared.output.is_gits or declared.path in done:
            continue
        try:
            _refuse(project, declared, unsaved, known)
            refuse_below(declared.path, done)
            content = reader.read(declared)
            digest, sizes = summed(adopter, content)
            refuse_unfit(project, declared.path, known, digest)
            said = pointer_for(declared, content, digest=digest, sizes=sizes)
        except TrackError as error:
            refused.append(Refused(declared.file, declared.path, error))
            continue
        done.add(declared.path)
        yield declared.path, (declared, content, said)


def _refuse(project: Project, declared: Declared, unsaved: set[bytes], known: Known) -> None:
    if declared.output.why_not is not None:
        raise TrackError(f"{display(declared.path)} {declared.output.why_not}", hint="it stays with DVC")
    if declared.file in unsaved:
        raise not_committed(declared.file)
    refuse_unfit(project, declared.path, known)
    refuse_git(declared.path, known)


def _planned(
    project: Project, ready: dict[bytes, tuple[Declared, Content, Said]], needed: frozenset[bytes]
) -> tuple[list[Conversion], list[ImportedArtifact]]:
    """What is to be written, and what will be said of it. A file of DVC's goes when nothing in it is `needed` still."""
    told = with_origins(project, {path: (declared, said) for path, (declared, _, said) in ready.items()})
    conversions, artifacts = [], []
    for path, (declared, content, _) in sorted(ready.items()):
        said = told[path]
        goes = not declared.is_locked and declared.file not in needed
        links = tuple(
            (path + b"/" + entry.path if entry.path else path, entry._replace(path=b""))
            for entry in content.entries
            if entry.path in content.links
        )
        conversions.append(Conversion(path, said.pointer, declared.file if goes else None, links))
        artifacts.append(
            ImportedArtifact(
                path=path,
                file=declared.file,
                kind=content.kind,
                digest=said.pointer.digest,
                size=said.pointer.size,
                files=said.pointer.files,
                is_changed=pointer_at(project, pointer_path(path)) != said.pointer,
                is_replaced=goes,
                is_here=content.is_here,
                left_out=said.left_out,
            )
        )
    return conversions, artifacts


def _finish(project: Project, gone: Sequence[bytes]) -> tuple[bytes, ...]:
    """Stage that files of DVC's went which an import before this one had removed, and not staged yet."""
    ours = [file for file in gone if exists(project, pointer_path(file[: -len(b".dvc")]))]
    index.stage(project.git, ours)
    return tuple(ours)
