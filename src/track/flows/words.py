"""Words: what artifacts, runs and labels of a repository are called, at once, for who completes them while typing.

Nothing is brought up to date, and nothing is written. What the catalog does not know yet is added as far as that is
quick: the pointers in Git's index, and, in `run_words`, the runs that live and the newest of the journal.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from track.history import catalog_words
from track.history.catalog_words import MOST
from track.history.plumbing import Git
from track.model.names import data_path, is_named_pointer, shown_name
from track.worktree.strange import refuse_strange


class Words:
    """The words of the repository that `folder` is in.

    Raises NotARepository where there is none, and ForbiddenPath where what track keeps there is not what track made.
    """

    def __init__(self, folder: Path) -> None:
        """Nothing is read yet but what the folder has; `state` is where track keeps its own, `file` the catalog."""
        self._folder = os.fsencode(os.path.realpath(folder))
        self.git = Git(folder)
        self.state = self.git.common_dir / "track"
        self.file = self.state / "catalog.db"
        refuse_strange(self.state)

    def names(self, start: str) -> list[str]:
        """The named artifacts, and their aliases behind `@`, that begin so, sorted."""
        staged = {shown_name(path) for path in self.git.staged_pointers() if is_named_pointer(path)}
        known = {text for text in staged if text.startswith(start)} | set(catalog_words.names(self.file, start))
        return stepwise(known, start)

    def paths(self, start: str) -> list[str]:
        """The tracked paths below the folder that begin so, as one types them there; where they are many, the folders
        that they are in.
        """
        top = os.fsencode(os.path.realpath(self.git.top))
        inside = os.path.relpath(self._folder, top)
        below = "" if inside == b"." else os.fsdecode(inside) + "/"
        return stepwise({text[len(below) :] for text in self._tracked() if text.startswith(below + start)}, start)

    def paths_from_top(self, start: str) -> list[str]:
        """The same from the top of the repository, as behind the colon of a revision."""
        return stepwise({text for text in self._tracked() if text.startswith(start)}, start)

    def _tracked(self) -> Iterator[str]:
        pointers = self.git.staged_pointers()
        return (os.fsdecode(data_path(path)) for path in pointers if not is_named_pointer(path))

    def revisions(self, start: str) -> list[str]:
        """HEAD, branches and tags, also of Git's remotes, that begin so."""
        patterns = ("refs/heads", "refs/tags", "refs/remotes")
        said = os.fsdecode(self.git.run("for-each-ref", "--format=%(refname:lstrip=2)", *patterns, check=False))
        return stepwise({text for text in ("HEAD", *said.split()) if text.startswith(start)}, start)

    def people(self, start: str) -> list[str]:
        """Who ran or committed something, as far as that begins so, sorted."""
        return catalog_words.people(self.file, start)

    def keys(self, field: str, start: str) -> list[str]:
        """The keys of `field` (labels, partitions, params) that begin so, sorted."""
        return catalog_words.keys(self.file, field, start)

    def values(self, field: str, start: str) -> list[str]:
        """The texts of a field, such as `labels.stage` or `tags`, that begin so, sorted."""
        return catalog_words.values(self.file, field, start)


def stepwise(words: Iterable[str], start: str) -> list[str]:
    """All of these words, sorted; where they are too many, what they begin with to the next slash where they part."""
    every = sorted(words)
    cut = len(start)
    while len(every) > MOST:
        shorter = sorted({_to_slash(word, cut) for word in every})
        if len(shorter) == len(every):
            return every[: MOST - 1] + every[-1:]
        if len(shorter) > 1 or not shorter[0].endswith("/"):
            return shorter if len(shorter) <= MOST else [*shorter[: MOST - 1], shorter[-1]]
        cut = len(shorter[0])
    return every


def _to_slash(word: str, cut: int) -> str:
    place = word.find("/", cut)
    return word if place < 0 else word[: place + 1]
