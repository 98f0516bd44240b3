"""Run artifacts load: an artifact of a run as the object that was saved."""

from pathlib import Path

from track.errors import DamagedObject, UsageError
from track.flows.run_find import Found, find_run
from track.flows.run_read import RunArtifact, artifact_named, bring_here, note_inputs
from track.formats.known import decode
from track.model.names import display
from track.progress import Progress, silent
from track.project import Project


def run_artifacts_load(
    project: Project,
    run: str,
    name: str,
    *,
    category: str | None = None,
    allow_pickle: bool = False,
    memory_map: bool = False,
    reader: str | None = None,
    progress: Progress = silent,
) -> object:
    """The artifact `name` of the run called `run`, as it was saved; its bytes where nothing is known of its type.

    What is not here comes from a remote, and every byte is verified before it is read. With `memory_map`, an array
    that lies in the store as a file of its own is mapped and not read. `reader` is the id of the living run whose
    input this becomes.

    Raises:
        UnknownRun, UnknownPath: no run is called so, or several are; or it has no such artifact.
        UsageError: it is a folder, or several artifacts have this name and differ.
        NoFormat: it is pickled and that was not allowed, or the library that reads it is not installed.
        MalformedContent: it is not what its type says.
        MissingObject, DamagedObject: its bytes are nowhere whole.
        RemoteError: no remote can be asked.
    """
    found = find_run(project, run)
    artifact = artifact_named(found, name, category)
    if artifact.kind == "directory":
        raise UsageError(
            f"`{display(name)}` of run {display(found.record.name)} is a folder",
            hint="get_artifact_as_file puts it, with all that is in it, into a folder of yours",
        )
    content = _content(project, found, artifact, memory_map, progress)
    shown = f"`{display(name)}` of run {display(found.record.name)}"
    bare = "get_artifact_as_file puts it into a folder of yours"
    loaded = decode(content, artifact.type, allow_pickle=allow_pickle, of=shown, bare=bare)
    note_inputs(project, reader, found, [artifact])
    return loaded


def _content(
    project: Project, found: Found, artifact: RunArtifact, memory_map: bool, progress: Progress
) -> bytes | Path:
    """The verified bytes, or the file that has them; what turns out damaged here is fetched once more."""
    bring_here(project, found, [artifact], progress)
    try:
        return _read(project, artifact, memory_map)
    except DamagedObject:
        bring_here(project, found, [artifact], progress)
        return _read(project, artifact, memory_map)


def _read(project: Project, artifact: RunArtifact, memory_map: bool) -> bytes | Path:
    if memory_map and project.store.whole(artifact.digest) is not None:
        return project.store.open_verified(artifact.digest)
    return project.store.read(artifact.digest)
