"""`track gc` as a person sees it."""

from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import write_tree


@pytest.fixture
def here(repo: Path) -> Path:
    """A project with a version that no commit names any more, and one that only an unreachable commit does."""
    track("init", cwd=repo).ok()
    write_tree(repo, {"a.csv": b"first"})
    track("add", "a.csv", cwd=repo).ok()
    commit_all(repo, "first")
    write_tree(repo, {"a.csv": b"a try"})
    track("add", "a.csv", cwd=repo).ok()
    commit_all(repo, "a \x1b[31mtry")
    git("reset", "--quiet", "--hard", "HEAD~1", cwd=repo)
    track("checkout", cwd=repo).ok()
    write_tree(repo, {"a.csv": b"never"})
    track("add", "a.csv", cwd=repo).ok()
    git("reset", "--quiet", "--hard", cwd=repo)
    track("checkout", "--force", cwd=repo).ok()
    (repo / ".git/ORIG_HEAD").unlink()
    git("reflog", "expire", "--expire=now", "--all", cwd=repo)
    for kept in (repo / ".git/track").glob("trash/*.json"):
        kept.unlink()
    return repo


def test_a_dry_run_explains_and_the_real_one_follows_it(here: Path) -> None:
    dry = track("gc", "-n", "--grace", "0", cwd=here).ok()
    lines = dry.out.splitlines()
    assert lines[0].startswith("a.csv  1 version  1 object  5 B  last named by ")
    assert r"(a \x1b[31mtry), which no ref and no reflog reaches" in lines[0]
    assert lines[1] == "(named by no commit that Git still has)  1 object  5 B"
    assert lines[2] == "2 objects, 10 B, would go, for good"
    assert "nothing was changed (--dry-run)" in dry.err

    assert track("gc", "--grace", "0", cwd=here).ok().out == "2 objects, 10 B, are gone\n"
    assert track("gc", "--grace", "0", cwd=here).ok().out == "nothing to take away\n"
    assert track("gc", "-n", cwd=here).ok().out == "nothing would go\n"


def test_what_is_young_is_told(here: Path) -> None:
    done = track("gc", cwd=here).ok()
    assert done.out == "nothing to take away\n"
    assert "2 objects, 10 B, named by nothing, and stored less than 14 days ago: kept" in done.err


def test_the_grace_period_is_a_setting_of_the_person_alone(here: Path) -> None:
    (here / ".track/config.toml").write_text("[gc]\ngrace = 0\n")
    done = track("gc", cwd=here).ok()
    assert "committed configuration does not choose what is deleted here" in done.err
    assert done.out == "nothing to take away\n"
    track("config", "--clone", "gc.grace", "0", cwd=here).ok()
    assert "are gone" in track("gc", cwd=here).ok().out


def test_json_has_every_number(here: Path) -> None:
    done = track("gc", "-n", "--grace", "0", "--json", cwd=here).ok().json
    assert (done["kind"], done["objects"], done["object_bytes"], done["stopped"]) == ("gc", 2, 10, False)
    assert [(one["path"], one["object_bytes"]) for one in done["sources"]] == [("a.csv", 5), (None, 5)]


def test_a_lost_manifest_is_four_with_what_to_do(here: Path) -> None:
    (here / "lost.track").write_text(
        f'[artifact]\nkind = "directory"\ndigest = "blake3:{"ab" * 32}"\nsize = 1\nfiles = 1\n'
    )
    done = track("gc", "--grace", "0", cwd=here)
    assert (done.code, done.out) == (4, "")
    assert "a manifest of lost.track in the working tree" in done.err
    assert "track gc --force" in done.err
    assert "are gone" in track("gc", "--grace", "0", "--force", cwd=here).ok().out


@pytest.mark.parametrize("words", [("--grace", "-1"), ("--grace", "x"), ("--forget", "nobody"), ("extra",)])
def test_wrong_usage_is_two(here: Path, words: tuple[str, ...]) -> None:
    assert track("gc", *words, cwd=here).code == 2
