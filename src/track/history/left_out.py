"""What a sparse checkout leaves out of the working tree: it is in Git's index all the same, and nobody removed it."""

from collections.abc import Collection

from track.history.plumbing import Git

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
