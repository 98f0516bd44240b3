"""`track label` and `track tag` as a person types them."""

from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all
from support.trees import write_tree


@pytest.fixture
def here(repo: Path) -> Path:
    track("init", cwd=repo).ok()
    write_tree(repo, {"d/a": b"one", "gold": b"two", "k=v.csv": b"three"})
    track("add", "d", "gold", "k=v.csv", cwd=repo).ok()
    commit_all(repo, "data")
    return repo


def test_labels_are_set_shown_and_removed(here: Path) -> None:
    done = track("label", "d", "gold", "by=Ada", 'infos.n="7"', cwd=here).ok()
    assert done.out == "d  labels changed\ngold  labels changed\n"
    assert done.err == "2 pointers staged: git commit records them\n"

    assert track("label", "d", cwd=here).ok().out == 'd  by = Ada\nd  infos.n = "7"\n'
    assert track("label", "d", "--remove", "infos", cwd=here).ok().out == "d  labels changed\n"
    assert track("label", cwd=here).ok().out == 'd  by = Ada\ngold  by = Ada\ngold  infos.n = "7"\n'
    assert track("label", "k=v.csv", cwd=here).code == 2
    assert track("label", "./k=v.csv", cwd=here).ok().err == "no labels\n"
    assert track("label", "a=1", "--", "k=v.csv", cwd=here).ok().out == "k=v.csv  labels changed\n"


def test_tags_are_set_shown_and_removed(here: Path) -> None:
    assert track("tag", "d", "reviewed", "best", "-n", cwd=here).ok().out == "d  tags would be changed\n"
    assert track("tag", "d", "reviewed", "best", cwd=here).ok().out == "d  tags changed\n"
    assert track("tag", "d", cwd=here).ok().out == "d  best reviewed\n"
    assert track("tag", "d", "best", "--remove", "--no-stage", cwd=here).ok().err.startswith("pointers written, not")
    assert track("tag", cwd=here).ok().out == "d  reviewed\n"


def test_a_word_that_names_an_artifact_is_never_taken_for_a_tag(here: Path) -> None:
    assert track("tag", "d", "gold", cwd=here).ok().err == "no tags at 2 artifacts\n"
    refused = track("tag", "d", "best", "gold", cwd=here)
    assert (refused.code, "stands behind a tag" in refused.err) == (2, True)
    assert track("tag", "gold", "--", "d", cwd=here).ok().out == "d  tags changed\n"
    assert track("tag", "d", "no/such", cwd=here).code == 2
    assert track("tag", "d", "--remove", cwd=here).code == 2


@pytest.mark.parametrize("words", [("d", "=x"), ("d", "a..b=1"), ("a=1",), ("d", "a=1", "gold"), ("d", "a\udce9=1")])
def test_what_is_no_label_is_two_with_a_hint(here: Path, words: tuple[str, ...]) -> None:
    done = track("label", *words, cwd=here)
    assert (done.code, "hint:" in done.err) == (2, True), done.err


def test_json_has_labels_and_tags_as_they_are(here: Path) -> None:
    done = track("label", "d", "n=1", "t=true", "--json", cwd=here).ok().json
    assert (done["kind"], done["dry_run"]) == ("label", False)
    assert [(one["path"], one["labels"], one["changed"]) for one in done["artifacts"]] == [
        ("d", {"n": 1, "t": True}, True)
    ]
    assert track("tag", "d", "--json", cwd=here).ok().json["artifacts"][0]["tags"] == []


def test_add_says_changed_where_only_the_label_did(here: Path) -> None:
    (here / "folder").mkdir()
    (here / "folder/file").write_bytes(b"1")
    track("add", "folder", cwd=here).ok()
    assert track("add", "folder", "--label", "a=b", cwd=here).ok().out.endswith("  1 file  changed\n")
