"""Trees: any file as a commit has it."""

from track.history.plumbing import Git

_REGULAR = ("100644", "100755")


def content_at(git: Git, rev: str, path: bytes) -> bytes | None:
    """Return the content of the file `path` in a commit; none when it is not there, or is a link.

    Raises:
        UnknownRevision: there is no such commit.
    """
    for record in git.run("ls-tree", "-z", "--full-tree", git.resolve(rev), "--", path).split(b"\0")[:-1]:
        head, _, name = record.partition(b"\t")
        mode, _, oid = head.decode("ascii").split(" ")
        if name == path and mode in _REGULAR:
            return next(git.blobs([oid]))[1]
    return None
