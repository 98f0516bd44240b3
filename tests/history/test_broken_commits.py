"""Commits that Git itself would not make, as old imports leave them: what can be read of them is told, and they stop
nothing.
"""

import subprocess
from pathlib import Path

import pytest

from history.test_catalog import EVERYTHING, catalog_of, pointer, short, shown, write
from support.repositories import commit_all, git
from track.history.log import history
from track.history.naming import everything_gone, repository_at
from track.history.past import changes
from track.history.plumbing import Git

GOOD = b"Ada <ada@example.org> 1700000000 +0000"


def commit(repo: Path, author: bytes, committer: bytes = GOOD, subject: bytes = b"odd") -> str:
    """A commit on branch `odd`, as somebody wrote it, with another pointer than HEAD has."""
    write(repo, "a.track", pointer("odd"))
    git("add", "a.track", cwd=repo)
    tree, parent = git("write-tree", cwd=repo).strip(), git("rev-parse", "HEAD", cwd=repo).strip()
    said = b"tree %s\nparent %s\nauthor %s\ncommitter %s\n\n%s\n" % (
        tree.encode(), parent.encode(), author, committer, subject,
    )  # fmt: skip
    words = ["git", "hash-object", "-t", "commit", "-w", "--literally", "--stdin"]
    made = subprocess.run(words, cwd=repo, input=said, capture_output=True, check=True).stdout.decode().strip()
    git("update-ref", "refs/heads/odd", made, cwd=repo)
    git("reset", "-q", "--hard", cwd=repo)
    return made


@pytest.mark.parametrize(
    ("author", "created", "user"),
    [
        (b"X <x@example.org>", 1_700_000_000, "X"),
        (b"X <x@example.org> -5 +0000", 1_700_000_000, "X"),
        (b"X <x@example.org> 99999999999999999999 +0000", 1_700_000_000, "X"),
        (b"X <x@example.org> 999999999999999 +0000", 1_700_000_000, "X"),
        (b"X <x@example.org> soon", 1_700_000_000, "X"),
        (b"Andr\xe9 <x@example.org> 1600000000 +0000", 1_600_000_000, "André"),
        ("André <x@example.org> 1600000000 +0000".encode(), 1_600_000_000, "André"),
        (b" <> 1600000000 +0000", 1_600_000_000, ""),
        (b"X <x@example.org 1600000000 +0000", 1_700_000_000, ""),
    ],
)
def test_a_commit_with_a_broken_date_or_name_is_in_the_catalog(
    repo: Path, author: bytes, created: int, user: str
) -> None:
    write(repo, "a.track", pointer("one"))
    commit_all(repo)
    made = commit(repo, author)
    with catalog_of(repo) as catalog:
        assert shown(catalog) == sorted([("a", short("one")), ("a", short("odd"))])
        found = catalog.ask(EVERYTHING, lambda view: [one for one in view.pointers() if one.commit == made])
    assert [(one.created, one.user) for one in found] == [(created, user)]


def test_one_that_has_no_date_at_all_is_of_1970_as_git_shows_it_and_is_told_by_everything(repo: Path) -> None:
    write(repo, "a.track", pointer("one"))
    commit_all(repo)
    made = commit(repo, b"X\xe9 <x>", b"X\xe9 <x>", b"na\xefve")
    asked = Git(repo)
    events = [event for event in history(asked, None) if event.commit.oid == made]
    assert [(each.commit.authored, each.commit.author, each.commit.subject) for each in events] == [(0, "Xé", "naïve")]
    repository = repository_at(asked, asked.common_dir)
    assert [change.committed for change in changes(repository) if change.commit == made] == [0]
    git("update-ref", "-d", "refs/heads/odd", cwd=repo)
    assert [(gone.commit, gone.committed) for gone in everything_gone(repository)] == [(made, 0)]
