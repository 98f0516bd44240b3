"""What a sparse checkout leaves out of the working tree: it is in Git's index all the same, and nobody removed it."""

from collections.abc import Collection, Mapping

from track.errors import GitFailed, Unreadable
from track.history.plumbing import Git
from track.model.names import display, typed

_REGULAR = (b"100644", b"100755")
_FEW = 200
"""So many paths are named to Git; where there are more, it is asked for all."""


def left_out(git: Git, paths: Collection[bytes]) -> dict[bytes, str]:
    """Return those of `paths`, none of which is on disk, that Git's index has and this checkout leaves out, with the
    ids of their contents.
    """
    if not paths:
        return {}
    found: dict[bytes, str] = {}
    asked = sorted(paths) if len(paths) <= _FEW else []
    for record in git.run("ls-files", "-z", "-t", "--stage", "--", *asked).split(b"\0")[:-1]:
        head, _, path = record.partition(b"\t")
        tag, mode, oid, stage = head.split(b" ")
        if tag == b"S" and stage == b"0" and mode in _REGULAR and path in paths:
            found[path] = oid.decode("ascii")
    return found


def is_sparse(git: Git) -> bool:
    """Whether this checkout was ever told to leave something out; asked for a file each, it costs next to nothing."""
    return (git.git_dir / "info" / "sparse-checkout").exists()


def contents_left_out(git: Git, paths: Collection[bytes]) -> dict[bytes, bytes]:
    """Return what Git's index has at those of `paths`, none of which is on disk, that this checkout leaves out.

    Raises:
        Unreadable: a partial clone lacks one of them.
    """
    oids = left_out(git, paths)
    contents = present_among(git, oids)
    for path in sorted(oids.keys() - contents.keys()):
        folder = path.rpartition(b"/")[0]
        raise Unreadable(
            f"{display(path)} is left out by this sparse checkout, and what it says is not in this partial clone",
            hint=f"bring it: git sparse-checkout add {typed(folder) if folder else '.'}",
        )
    return contents


def present_among(git: Git, oids: Mapping[bytes, str]) -> dict[bytes, bytes]:
    """Return the contents with these ids by their paths; without those that a partial clone lacks."""
    if not oids:
        return {}
    try:
        contents = dict(git.blobs(sorted(set(oids.values()))))
    except GitFailed:
        asked = ("cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objectname)")
        here = set(git.run(*asked, check=False).decode("ascii", "replace").split())  # asking for one would end Git
        here &= set(oids.values())
        contents = dict(git.blobs(sorted(here)))
    return {path: contents[oid] for path, oid in sorted(oids.items()) if oid in contents}
