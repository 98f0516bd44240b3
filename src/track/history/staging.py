"""What a commit is about to bring: files in Git's index that no parent of the commit has so."""

from collections.abc import Sequence
from typing import NamedTuple

from track.history.plumbing import Git
from track.model.names import is_pointer_path

_REGULAR = ("100644", "100755")


class Staged(NamedTuple):
    """A file in the index; `blob` is Git's id of its content."""

    path: bytes
    blob: str


def staged_changes(git: Git) -> list[Staged]:
    """Return the regular files that the next commit adds or changes, sorted; in a merge, compared with every parent.

    The index is the one that Git gave to a hook, so that `git commit PATH` is only about these paths.
    """
    found: dict[bytes, str] | None = None
    for parent in parents(git) or [_empty_tree(git)]:
        changed = _changed(git, parent)
        found = changed if found is None else {path: blob for path, blob in found.items() if path in changed}
    return [Staged(path, blob) for path, blob in sorted((found or {}).items())]


def parents(git: Git) -> list[str]:
    """Return the ids of the commits that the next one will have as parents; none before the first one."""
    head = git.head()
    if head is None:
        return []
    try:
        merged = (git.git_dir / "MERGE_HEAD").read_text("ascii").split()
    except (OSError, UnicodeDecodeError):
        merged = []
    return [head, *merged]


def sizes(git: Git, files: Sequence[Staged]) -> dict[bytes, int]:
    """Return the sizes in bytes of files in the index, by path."""
    asked = b"".join(file.blob.encode("ascii") + b"\n" for file in files)
    answered = git.run("cat-file", "--batch-check=%(objectsize)", input=asked).split(b"\n")
    return {file.path: int(size) for file, size in zip(files, answered, strict=False) if size.isdigit()}


def pointers_among(files: Sequence[Staged]) -> list[Staged]:
    """Return those that are named as pointers are."""
    return [file for file in files if is_pointer_path(file.path)]


def _changed(git: Git, tree: str) -> dict[bytes, str]:
    fields = git.run(
        "diff-index", "--cached", "--raw", "-z", "--no-renames", "--no-ext-diff", "--diff-filter=d", tree, "--"
    ).split(b"\0")
    found = {}
    for head, path in zip(fields[::2], fields[1::2], strict=False):
        _, mode, _, blob, _ = head.decode("ascii").split(" ")
        if mode in _REGULAR:
            found[path] = blob
    return found


def _empty_tree(git: Git) -> str:
    return git.run("hash-object", "-t", "tree", "--stdin", input=b"").strip().decode("ascii")
