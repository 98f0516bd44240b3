"""Migrate: nothing to do in format 1; and a step to the next format, which only these tests know, is taken whole."""

import re
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import read_tree, write_tree
from track.errors import BadConfig, MalformedPointer, NewerFormat
from track.flows.migration import Kind, Step, format_of
from track.project import Project
from track.verbs.migrate import Migrated, migrate


def _to(number: int, kind: Kind) -> Step:
    """A step from the format before `number`, which only says so in the file."""

    def convert(content: bytes) -> bytes:
        said = b"format = %d\n" % number
        content = re.sub(rb"(?m)^format = [0-9]+\n", b"", content)
        if kind == "config":
            return said + content
        head = b"[store]\n" if kind == "store" else b"[artifact]\n"
        return content.replace(head, head + said, 1)

    def check(content: bytes) -> None:
        if b"refuse me" in content:
            raise BadConfig("refused by the check")

    return Step(kind, number - 1, convert, check)


TO_TWO = (_to(2, "pointer"), _to(2, "store"), _to(2, "config"))
TO_THREE = (*TO_TWO, _to(3, "pointer"), _to(3, "store"), _to(3, "config"))


@pytest.fixture
def here(repo: Path) -> Path:
    track("init", cwd=repo).ok()
    write_tree(repo, {"data/a": b"a", "b.csv": b"b", "m": b"m"})
    track("add", "data", "b.csv", cwd=repo).ok()
    track("add", "m", "--name", "models/m", cwd=repo).ok()
    write_tree(repo, {"other.track": b"somebody else's"})
    commit_all(repo, "data")
    return repo


def migrated(repo: Path, **options: object) -> Migrated:
    with Project.open(repo) as project:
        return migrate(project, **options)  # type: ignore[arg-type]  # each test names its own options


def formats(repo: Path) -> list[int]:
    files: list[tuple[Kind, Path]] = [("store", repo / ".git/track/store/store.toml")]
    files += [("pointer", path) for path in sorted(repo.rglob("*.track")) if path.name != "other.track"]
    files = [one for one in files if one[1].is_file()]
    files.append(("config", repo / ".track/config.toml"))
    return [format_of(kind, path.read_bytes(), path.name) for kind, path in files]


def test_in_the_only_format_there_is_nothing_to_do(here: Path) -> None:
    before = read_tree(here)

    done = migrated(here)

    assert (done.format, done.stores_count, done.pointers_count, done.files, done.staged) == (1, 1, 3, (), ())
    assert read_tree(here) == before
    said = track("migrate", cwd=here).ok()
    assert (said.out, said.err) == (
        "format 1: nothing to do\n",
        "3 pointers read, the store and the configuration\n",
    )
    assert track("migrate", "-n", "--json", cwd=here).ok().json["pointers"] == 3


def test_every_file_goes_to_the_next_format_and_what_git_has_is_staged(here: Path) -> None:
    done = migrated(here, steps=TO_TWO)

    assert [(file.kind, file.source, file.target) for file in done.files] == [
        ("store", 1, 2), *[("pointer", 1, 2)] * 3, ("config", 1, 2),
    ]  # fmt: skip
    assert formats(here) == [2] * 5
    assert set(git("diff", "--cached", "--name-only", cwd=here).split()) == {
        ".track/artifacts/models/m.track", ".track/config.toml", "b.csv.track", "data.track",
    }  # fmt: skip
    assert (here / "other.track").read_bytes() == b"somebody else's"


def test_steps_follow_each_other(here: Path) -> None:
    done = migrated(here, steps=TO_THREE)

    assert {(file.source, file.target) for file in done.files} == {(1, 3)}
    assert formats(here) == [3] * 5


def test_a_dry_run_changes_nothing(here: Path) -> None:
    before = read_tree(here)

    assert len(migrated(here, steps=TO_TWO, dry_run=True).files) == 5

    assert read_tree(here) == before
    assert formats(here) == [1] * 5
    assert git("status", "--porcelain", cwd=here) == ""


def test_what_was_interrupted_goes_on(here: Path) -> None:
    pointer = here / "b.csv.track"
    pointer.write_bytes(TO_TWO[0].convert(pointer.read_bytes()))

    done = migrated(here, steps=TO_TWO)

    assert len(done.files) == 4
    assert formats(here) == [2] * 5


def test_one_that_cannot_be_converted_leaves_all_as_they_were(here: Path) -> None:
    track("label", "b.csv", "note=refuse me", cwd=here).ok()
    before = read_tree(here)

    with pytest.raises(BadConfig, match="refused by the check"):
        migrated(here, steps=TO_TWO)

    assert read_tree(here) == before
    assert formats(here) == [1] * 5


def test_a_format_that_no_step_knows_is_refused(here: Path) -> None:
    pointer = here / "b.csv.track"
    pointer.write_bytes(_to(7, "pointer").convert(pointer.read_bytes()))

    with pytest.raises(NewerFormat, match="format 7"):
        migrated(here)
    with pytest.raises(NewerFormat, match="format 7"):
        migrated(here, steps=TO_TWO)
    assert track("migrate", cwd=here).code == 3


def test_a_broken_pointer_is_named_with_every_other(here: Path) -> None:
    (here / "b.csv.track").write_bytes(b"[artifact]\nkind = 7\n")
    (here / "data.track").write_bytes(b"[artifact\n")

    with pytest.raises(MalformedPointer) as caught:
        migrated(here)

    said = "\n".join((caught.value.message, *caught.value.details))
    assert "b.csv.track" in said
    assert "data.track" in said


def test_this_version_refuses_what_a_later_one_made(here: Path) -> None:
    migrated(here, steps=TO_TWO)

    assert track("status", cwd=here).code == 3
