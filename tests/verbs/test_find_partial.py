"""Finding in a partial clone: nothing is fetched, what is not here is counted, and found as soon as it is."""

from pathlib import Path

import pytest

from history.test_catalog import catalog_of, everything, pointer, record, write
from support.cli import track
from support.repositories import commit_all, git
from track.history.catalog import Scope
from track.model.digest import digest_of
from track.model.record import Used


@pytest.fixture
def part(repo: Path, tmp_path: Path) -> Path:
    """A partial clone without any file but those checked out, of five versions of one pointer and a run that went."""
    track("init", cwd=repo)
    path, content = record(0, Used("output", digest_of(b"model"), 1, name="model.pt"), metrics={})
    write(repo, path, content)
    for number in range(5):
        write(repo, "a.csv.track", pointer(f"{number}", labels={"part": number}))
        commit_all(repo)
    (repo / path.decode()).unlink()
    commit_all(repo)
    git("config", "uploadpack.allowFilter", "true", cwd=repo)
    git("clone", "--quiet", "--filter=blob:none", f"file://{repo}", tmp_path / "part", cwd=tmp_path)
    return tmp_path / "part"


def found(part: Path, *arguments: str) -> dict[str, object]:
    answer: dict[str, object] = track("find", "--history", "--json", *arguments, cwd=part).json
    return answer


def test_what_is_not_here_is_counted_with_the_next_step_and_nothing_is_fetched(part: Path) -> None:
    packs = sorted((part / ".git" / "objects" / "pack").iterdir())
    asked = track("find", "--history", cwd=part)
    assert "shown 1 of 1" in asked.err
    assert "not in this partial clone, and so not looked at: 5 pointers and records" in asked.err
    assert "git fetch --refetch --no-filter" in asked.err
    assert track("find", cwd=part).err.strip().endswith("shown 1 of 1")  # all that stands is here
    users = track("who-uses", "a.csv", cwd=part)
    assert "not in this partial clone, and so not looked at: 5 pointers and records" in users.err
    assert found(part)["absent"] == 5
    assert sorted((part / ".git" / "objects" / "pack").iterdir()) == packs


@pytest.mark.parametrize("words", [("log", "a.csv"), ("lineage", "a.csv", "--all"), ("show", "a.csv")])
def test_log_lineage_and_show_tell_what_is_here_and_how_much_is_not(part: Path, words: tuple[str, ...]) -> None:
    packs = sorted((part / ".git" / "objects" / "pack").iterdir())
    said = track(*words, cwd=part).ok()
    assert "a.csv" in said.out or "not here, as in a partial clone" in said.out
    assert "git fetch --refetch --no-filter" in said.err
    assert track(*words, "--json", cwd=part).ok().json["absent"] >= 4
    assert sorted((part / ".git" / "objects" / "pack").iterdir()) == packs


def test_versions_of_a_name_are_told_as_far_as_they_are_here(part: Path) -> None:
    track("put", "answer", "--value", "42", cwd=part).ok()
    shown = track("artifacts", "show", "answer", "--all", cwd=part).ok()
    assert "42" in shown.out and "not in this partial clone" in shown.err
    assert track("artifacts", "show", "answer", "--all", "--json", cwd=part).ok().json["absent"] == 5


def test_the_next_step_makes_it_whole(part: Path) -> None:
    assert found(part)["absent"] == 5
    git("fetch", "-q", "--refetch", "--no-filter", cwd=part)
    whole = found(part)
    assert (whole["absent"], whole["known"]) == (0, 6)
    with catalog_of(part) as catalog, catalog_of(part, "new.db") as new:
        for scope in (Scope(), Scope(history=True), Scope(every=True, history=True)):
            assert everything(catalog, scope) == everything(new, scope)


def test_what_git_fetched_for_itself_is_found(part: Path) -> None:
    assert found(part)["absent"] == 5
    git("checkout", "-q", "HEAD~2", cwd=part)
    git("checkout", "-q", "main", cwd=part)
    assert found(part)["absent"] == 3  # a version and the run came
    with catalog_of(part) as catalog, catalog_of(part, "new.db") as new:
        assert everything(catalog) == everything(new)


def test_a_file_that_holds_what_git_has_not_is_found_as_it_is_here(part: Path) -> None:
    assert found(part)["absent"] == 5
    write(part, "a.csv.track", pointer("1", labels={"part": 1}))
    assert found(part, "label.part = 1")["matching"] == 1
    with catalog_of(part) as catalog, catalog_of(part, "new.db") as new:
        assert everything(catalog, Scope()) == everything(new, Scope())


def test_a_file_of_git_that_is_damaged_stops_nothing(repo: Path) -> None:
    for number in range(3):
        write(repo, "a.csv.track", pointer(f"{number}"))
        commit_all(repo)
    content = git("rev-parse", "HEAD~1:a.csv.track", cwd=repo).strip()
    place = repo / ".git" / "objects" / content[:2] / content[2:]
    place.chmod(0o644)
    place.write_bytes(b"not zlib")
    with catalog_of(repo) as catalog:
        scope = Scope(history=True)
        assert [len(one) for one in everything(catalog, scope)[:1]] == [2]  # type: ignore[arg-type,misc]  # versions
        assert catalog.ask(scope, lambda view: view.absent_count()) == 1
