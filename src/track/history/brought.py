"""Contents that a question needs: where a partial clone lacks some, the error says how Git brings them in one go."""

from collections.abc import Iterable

from track.errors import GitFailed
from track.history.left_out import present_among
from track.history.plumbing import Git
from track.model.names import typed


def contents_between(git: Git, oids: Iterable[str], revs: tuple[str, ...]) -> dict[str, bytes]:
    """Return the contents with these ids, which are pointers in which two commits differ, or all of those in one.

    Raises:
        GitFailed: one is not in the repository. Of a partial clone the hint is a command that brings just these.
    """
    wanted = sorted(set(oids))
    try:
        return dict(git.blobs(wanted))
    except GitFailed:
        if not git.run("config", "--get-regexp", r"^remote\..*\.promisor$", check=False).strip():
            raise
        absent = len(wanted) - len(present_among(git, {oid.encode("ascii"): oid for oid in wanted}))
        first = () if len(revs) > 1 else (_empty_tree(git),)
        words = " ".join(typed(rev) for rev in (*first, *revs))
        where = " and ".join(f"`{rev}`" for rev in revs)
        what = "pointer" if absent == 1 else "pointers"
        raise GitFailed(
            f"this needs {absent:,} {what} at {where} that this partial clone lacks",
            hint=f"have Git bring them: git diff --stat {words} -- '*.track'",
        ) from None


def _empty_tree(git: Git) -> str:
    return git.run("hash-object", "-t", "tree", "--stdin", input=b"").strip().decode("ascii")
