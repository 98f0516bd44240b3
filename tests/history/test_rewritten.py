"""Histories that people rewrite: the catalog that followed each step equals one that is built anew, row by row.

`TRACK_REWRITTEN_SEEDS=0:200` plays more of them; each fourth is a repository of SHA-256.
"""

import os
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from history.test_catalog import catalog_of, everything, pointer, record, write
from support.repositories import commit_all, git
from track.history.catalog import Scope
from track.model.digest import digest_of
from track.model.record import Used, run_id

FIRST, _, LAST = os.environ.get("TRACK_REWRITTEN_SEEDS", "1:4").partition(":")
STEPS = 12
NAMES = ("a.csv", "b.csv", "data/c.csv", "e e/ü.csv")
SCOPES = (
    Scope(every=True, history=True), Scope(history=True), Scope(every=True), Scope(), Scope("HEAD"),
    Scope("HEAD", history=True),
)  # fmt: skip
_ROWS = (
    "SELECT hex(oid) FROM tip",
    "SELECT hex(oid), hex(parents), authored, committed, author, email, subject FROM commits",
    "SELECT p.path, hex(c.oid), hex(m.oid), e.op FROM event e JOIN path p ON p.id = e.path "
    "JOIN commits m ON m.id = e.commits LEFT JOIN content c ON c.id = e.content",
    "SELECT p.path, hex(c.oid), v.what, hex(v.id), v.authored, hex(v.oid), v.author, v.created, v.user "
    "FROM version v JOIN path p ON p.id = v.path JOIN content c ON c.id = v.content",
    "SELECT what, versions, saved FROM total",
    "SELECT name, value FROM state WHERE name = 'shape'",
)
"""What of the tables has to be the same, whichever numbers the rows have."""
_CONTENTS = "SELECT hex(oid), what, state, hex(sum), hex(digest), run, document, trouble FROM content"
"""Of contents more may be known than is reached, and what is known has to be so."""


class Story:
    """What somebody does to a repository and its working trees; each deed is one method of `DEEDS`."""

    def __init__(self, folder: Path, noise: random.Random, *words: str) -> None:
        self.folder, self.noise = folder, noise
        self.repo = folder / "repo"
        self.repo.mkdir()
        git("init", "-q", "-b", "main", *words, cwd=self.repo)
        self.trees = [self.repo]
        self.told: list[str] = []
        self.number = 0
        write(self.repo, "code.py", "print(1)\n")
        commit_all(self.repo, "start")
        git("clone", "-q", "--bare", self.repo, folder / "origin.git", cwd=folder)
        git("remote", "add", "origin", folder / "origin.git", cwd=self.repo)

    def git(self, *words: str, at: Path | None = None) -> str:
        """What Git may refuse at times; what is left in the middle is left as it is, as people do."""
        self.told.append(" ".join(words))
        self.number += 1
        when = f"{1_767_000_000 + self.noise.randrange(1_000_000)} +0000"
        os.environ["GIT_AUTHOR_DATE"] = os.environ["GIT_COMMITTER_DATE"] = when
        return git(*words, cwd=at or self.tree(), check=False)

    def tree(self) -> Path:
        """One of the working trees."""
        return self.noise.choice(self.trees)

    def branch(self) -> str:
        """The name of a branch or tag, or a commit."""
        found = git("for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags", cwd=self.repo).split()
        return self.noise.choice([*found, "HEAD~1", "HEAD~2", "ORIG_HEAD", "HEAD@{2}"])

    def commit(self) -> None:
        tree = self.tree()
        for _ in range(self.noise.randrange(1, 3)):
            text = self.noise.choice("uvwxyz")
            facts = {"run": _id(self.noise.randrange(8))} if self.noise.random() < 0.5 else {}
            based = {b"a.csv.track": digest_of(self.noise.choice("uvwxyz").encode())}
            facts |= {"based_on": based} if self.noise.random() < 0.3 else {}
            write(tree, f"{self.noise.choice(NAMES)}.track", pointer(text, **facts))
        if self.noise.random() < 0.4:
            used = Used("output", digest_of(self.noise.choice("uvwxyz").encode()), 1, name="model")
            write(tree, *record(self.noise.randrange(8), used))
        if self.noise.random() < 0.2:
            write(tree, "bad.csv.track", self.noise.choice(["[artifact]\nkind = 3\n", "<<<<<<<\n", ""]))
        if self.noise.random() < 0.2:
            (tree / f"{self.noise.choice(NAMES)}.track").unlink(missing_ok=True)
        write(tree, "code.py", f"print({self.noise.randrange(3)})\n")
        self.git("add", "--all", at=tree)
        self.git("commit", "-q", "-m", f"step {self.number}", at=tree)

    def amend(self) -> None:
        self.git("commit", "-q", "--amend", "-m", f"again {self.number}")

    def reset(self) -> None:
        self.git("reset", "-q", self.noise.choice(["--hard", "--soft", "--mixed"]), self.branch())

    def switch(self) -> None:
        self.git("checkout", "-q", *self.noise.choice([(), ("-f",), ("--detach",)]), self.branch())

    def fork(self) -> None:
        self.git("checkout", "-q", "-b", f"b{self.number}", self.branch())

    def orphan(self) -> None:
        self.git("checkout", "-q", "--orphan", f"o{self.number}")

    def tag(self) -> None:
        self.git("tag", *self.noise.choice([(), ("-a", "-m", "said")]), f"t{self.number}", self.branch())

    def drop(self) -> None:
        if names := git("for-each-ref", "--format=%(refname)", "refs/heads", "refs/tags", cwd=self.repo).split():
            self.git("update-ref", "-d", self.noise.choice(names))

    def merge(self) -> None:
        words = self.noise.choice([("--squash",), ("--no-ff",), ("-s", "ours"), ("-X", "theirs"), ("--ff-only",)])
        self.git("merge", "-q", "-m", f"merged {self.number}", *words, self.branch())

    def octopus(self) -> None:
        self.git("merge", "-q", "-m", "all", "-s", "ours", self.branch(), self.branch())

    def rebase(self) -> None:
        words = self.noise.choice([("-X", "theirs"), ("--root",), ("-i", "--root"), ("-i",), ("--rebase-merges",)])
        tree, onto = self.tree(), [] if "--root" in words else [self.branch()]
        editor = self.noise.choice(["sed -i 2,9s/^pick/squash/", "sed -i 2d", "sed -i 1s/^pick/edit/", "true"])
        self.git("-c", f"sequence.editor={editor}", "-c", "core.editor=true", "rebase", *words, *onto, at=tree)

    def go_on(self) -> None:
        tree, word = self.tree(), self.noise.choice(["--continue", "--abort", "--skip", "--quit"])
        self.git("add", "--all", at=tree)
        for verb in ("rebase", "cherry-pick", "revert"):
            self.git("-c", "core.editor=true", verb, word, at=tree)

    def pick(self) -> None:
        self.git(self.noise.choice(["cherry-pick", "revert"]), "-X", "theirs", "--no-edit", self.branch())

    def stash(self) -> None:
        write(self.tree(), "a.csv.track", pointer(self.noise.choice("uvwxyz")))
        self.git("stash", *self.noise.choice([("-u",), (), ("pop",), ("drop",), ("branch", f"s{self.number}")]))

    def filter(self) -> None:
        words = self.noise.choice([
            ("--index-filter", "git rm -q --cached --ignore-unmatch a.csv.track"),
            ("--msg-filter", "sed s/step/STEP/"),
            ("--index-filter", "git rm -rq --cached --ignore-unmatch .track", "--prune-empty"),
            ("--subdirectory-filter", "data"),
        ])  # fmt: skip
        os.environ["FILTER_BRANCH_SQUELCH_WARNING"] = "1"
        self.git("filter-branch", "-f", *words, "--", *self.noise.choice([("--all",), ("HEAD",)]))

    def send(self) -> None:
        self.git("push", "-q", "--mirror", "origin")

    def others_rewrite(self) -> None:
        """Somebody else forces a branch that is fetched then."""
        other = self.folder / f"other{self.number}"
        git("clone", "-q", self.folder / "origin.git", other, cwd=self.folder, check=False)
        if other.exists():
            write(other, "b.csv.track", pointer(self.noise.choice("uvwxyz")))
            self.git("add", "--all", at=other)
            self.git("commit", "-q", "--amend", "-m", "theirs", at=other)
            self.git("push", "-qf", "origin", "HEAD", at=other)
            shutil.rmtree(other)
        self.git("fetch", "-q", *self.noise.choice([("--prune",), ("--tags", "-f"), ()]), "origin")

    def cut(self) -> None:
        words = self.noise.choice([("--depth=1",), ("--deepen=1",), ("--unshallow",), ("--depth=3",)])
        self.git("fetch", "-q", "-f", *words, f"file://{self.folder}/origin.git", "+refs/heads/*:refs/remotes/o/*")

    def replace(self) -> None:
        deeds = [("replace", "-f", "HEAD", self.branch()), ("replace", "-f", "--graft", "HEAD"),
                 ("replace", "-f", "--graft", "HEAD", self.branch()), ("replace", "-f", "HEAD^{tree}", "HEAD~1^{tree}"),
                 ("replace", "-f", "HEAD:a.csv.track", "HEAD:b.csv.track")]  # fmt: skip
        self.git(*self.noise.choice(deeds))
        replaced = git("replace", "-l", cwd=self.repo).split()
        if not all(git("cat-file", "-t", oid, cwd=self.repo, check=False) for oid in replaced):
            self.replace_no_more()  # Git dies of a circle

    def replace_no_more(self) -> None:
        for oid in git("replace", "-l", cwd=self.repo).split():
            self.git("replace", "-d", oid)

    def graft(self) -> None:
        head = git("rev-parse", "HEAD", cwd=self.repo, check=False).strip()
        place = self.repo / ".git" / "info" / "grafts"
        self.told.append("graft")
        if place.exists():
            place.unlink()
        elif len(head) in (40, 64):
            write(self.repo, ".git/info/grafts", head + "\n")

    def collect(self) -> None:
        self.git("reflog", "expire", "--expire=now", "--all")
        self.git(*self.noise.choice([("gc", "-q", "--prune=now"), ("repack", "-qad"), ("pack-refs", "--all")]))

    def work_elsewhere(self) -> None:
        place = self.folder / f"tree{self.number}"
        self.git("worktree", "add", "-q", *self.noise.choice([("--detach",), ()]), str(place), self.branch())
        if place.exists():
            self.trees.append(place)

    def leave_tree(self) -> None:
        if len(self.trees) > 1:
            place = self.trees.pop()
            shutil.rmtree(place)
            if self.noise.random() < 0.5:
                self.git("worktree", "prune")


DEEDS: tuple[tuple[int, Callable[[Story], None]], ...] = (
    (12, Story.commit), (2, Story.amend), (2, Story.reset), (3, Story.switch), (2, Story.fork), (1, Story.orphan),
    (2, Story.tag), (2, Story.drop), (3, Story.merge), (1, Story.octopus), (3, Story.rebase), (3, Story.go_on),
    (2, Story.pick), (2, Story.stash), (1, Story.filter), (1, Story.send), (1, Story.others_rewrite), (1, Story.cut),
    (2, Story.replace), (1, Story.replace_no_more), (1, Story.graft), (2, Story.collect), (2, Story.work_elsewhere),
    (1, Story.leave_tree),
)  # fmt: skip


def _id(number: int) -> str:
    return run_id(1_767_225_600_000 + number * 3_600_000, number.to_bytes(10, "big"))


def rows_of(path: Path) -> tuple[list[list[object]], dict[object, object]]:
    """The rows that have to be equal, and what is known of contents."""
    with closing(sqlite3.connect(path)) as database:
        rows = [sorted(map(repr, database.execute(query))) for query in _ROWS]
        return rows, {row[:2]: row[2:] for row in database.execute(_CONTENTS)}  # type: ignore[return-value]


@pytest.mark.parametrize("seed", range(int(FIRST), int(LAST)))
def test_whatever_people_do_to_a_history_the_catalog_that_followed_it_is_the_one_built_anew(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE", "FILTER_BRANCH_SQUELCH_WARNING"):
        monkeypatch.setenv(name, "")
    noise = random.Random(seed)
    story = Story(tmp_path, noise, *(("--object-format=sha256",) if seed % 4 == 3 else ()))
    weights, deeds = zip(*DEEDS, strict=True)
    for _ in range(4):
        story.commit()
    for number in range(STEPS):
        for _ in range(noise.randrange(1, 5)):
            noise.choices(deeds, weights)[0](story)
        for tree in noise.sample(story.trees, len(story.trees)):
            compare(story, tree, f"new-{number}-{len(story.told)}.db")


def alike(first: list[object], second: list[object], where: str) -> None:
    """Say which rows are in one alone."""
    for one, other in zip(first, second, strict=True):
        rows, new = (Counter(map(repr, each)) for each in (one, other))  # type: ignore[call-overload]  # they are lists
        assert rows == new, f"{where}\nfollowed alone: {[*rows - new]}\nnew alone: {[*new - rows]}"


def compare(story: Story, tree: Path, name: str) -> None:
    """The followed catalog shows the same of a working tree as a new one, in every scope, and has the same rows."""
    if not git("rev-parse", "--verify", "-q", "HEAD^{commit}", cwd=tree, check=False):
        scopes = SCOPES[:4]
    else:
        scopes = SCOPES
    with catalog_of(tree) as followed, catalog_of(tree, name) as new:
        for scope in scopes:
            alike(everything(followed, scope), everything(new, scope), f"{tree.name} {scope} {story.told}")
    place = story.repo / ".git" / "track"
    rows, contents = rows_of(place / "catalog.db")
    new_rows, new_contents = rows_of(place / name)
    alike(rows, new_rows, f"{tree.name} {story.told}")
    assert {key: contents.get(key) for key in new_contents} == new_contents, (tree.name, story.told)
    for suffix in ("", "-wal", "-shm", ".lock"):
        (place / (name + suffix)).unlink(missing_ok=True)
