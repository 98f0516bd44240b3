"""Andy and Brenda, as elliptio tells of them: what he keeps with labels she finds, without a byte of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git, new_repository

LABELS = ("ticket=AB-123", "project=vision", "datatype=annotation_file", "infos.stratification=new special method")
SEED = {
    "username": "andy",
    "labels.datatype": "annotation_file",
    "creation_time": {"$gte": {"$date": "2026-06-08T12:00:00"}},
    "file_relpaths": {"$regex": r"\.txt"},
}
"""The query of the seed; its week ends at 2026-06-15T12:00 UTC."""


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Andy's clone, with a dataset of 2026-06-14 that he pushed, and Brenda's, who pulled Git alone."""
    andy = new_repository(tmp_path / "andy")
    track("init", "--no-hooks", cwd=andy).ok()
    track("remote", "add", "data", str(tmp_path / "data"), cwd=andy).ok()
    for name in ("train.txt", "test.txt"):
        (andy / "docs").mkdir(exist_ok=True)
        (andy / "docs" / name).write_text("id,label\n1,cat\n2,dog\n")
    track("add", "docs/train.txt", "docs/test.txt", cwd=andy).ok()
    track("label", "docs/train.txt", "docs/test.txt", *LABELS, cwd=andy).ok()
    commit_as(andy, "andy", "2026-06-14T12:00:00Z", monkeypatch)
    track("push", "data", cwd=andy).ok()
    git("clone", "-q", andy, tmp_path / "brenda", cwd=tmp_path)
    return andy, tmp_path / "brenda"


def commit_as(repo: Path, who: str, when: str, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in (("NAME", who), ("EMAIL", f"{who}@example.org"), ("DATE", when)):
        monkeypatch.setenv(f"GIT_AUTHOR_{name}", value)
    return commit_all(repo)


def found(repo: Path, *arguments: Any) -> list[dict[str, Any]]:
    words = [json.dumps(each) if isinstance(each, dict) else each for each in arguments]
    versions: list[dict[str, Any]] = track("find", *words, "--json", cwd=repo).ok().json["versions"]
    return versions


def names(repo: Path, *arguments: Any) -> list[str]:
    return sorted(version["name"] for version in found(repo, *arguments))


BOTH = ["docs/test.txt", "docs/train.txt"]


def test_brenda_finds_what_andy_made_without_any_data(shared: tuple[Path, Path]) -> None:
    andy, brenda = shared
    assert not (brenda / "docs" / "train.txt").exists()
    [one] = found(brenda, "--query", SEED, "--limit", "1")
    assert (one["user"], one["labels"]["infos"]) == ("andy", {"stratification": "new special method"})
    assert {version["id"] for version in found(andy, "--query", SEED)} == {
        version["id"] for version in found(brenda, "--query", SEED)
    }
    assert "shown 1 of 2" in track("find", "--query", json.dumps(SEED), "--limit", "1", cwd=brenda).ok().err
    assert not (brenda / "docs" / "train.txt").exists()
    assert not list((brenda / ".git").glob("track/store/packs/*/*"))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (SEED, BOTH),
        (SEED | {"creation_time": {"$gte": {"$date": "2026-06-15T12:00:00"}}}, []),  # eight days old
        (SEED | {"creation_time": {"$gte": {"$date": "2026-06-05T12:00:00+02:00"}}}, BOTH),  # ten days
        (SEED | {"username": "zed"}, []),
        ({"$or": [{"username": "zed"}, {"labels.ticket": "AB-123"}]}, BOTH),
        ({"$nor": [{"username": "zed"}, {"labels.ticket": "AB-123"}]}, []),
        ({"$and": [{"username": "andy"}, {"file_relpaths": {"$not": {"$regex": "train"}}}]}, ["docs/test.txt"]),
        ({"labels.datatype": {"$in": ["annotation_file", "image"]}}, BOTH),
        ({"labels.datatype": {"$nin": ["annotation_file"]}}, []),
        ({"username": {"$ne": "andy"}}, []),
        ({"labels.infos.stratification": "new special method"}, BOTH),
        ({"labels.infos.stratification": {"$exists": True}, "labels.dataset": {"$exists": False}}, BOTH),
        ({"size": {"$gt": 20, "$lte": 21}}, BOTH),
        ({"size": {"$lt": 5}}, []),
        ({"file_relpaths": {"$regex": "TRAIN", "$options": "i"}}, ["docs/train.txt"]),
        ({"tags": {"$size": 0}}, BOTH),
        ({"tags": {"$all": ["gold"]}}, []),
        ({"based_on": {"$elemMatch": {"name": "x"}}}, []),
        ('username = andy and labels.datatype = annotation_file and created >= 2026-06-08 and file ~ "\\.txt"', BOTH),
        ("user = andy and not label.project = vision", []),
    ],
)
def test_every_way_to_ask(shared: tuple[Path, Path], asked: Any, expected: list[str]) -> None:
    words = ["--query", asked] if isinstance(asked, dict) else [asked]
    assert names(shared[1], *words) == expected


def test_flags_ask_the_common_questions(shared: tuple[Path, Path]) -> None:
    brenda = shared[1]
    assert names(brenda, "--label", "ticket=AB-123", "--user", "andy", "--since", "2026-06-08") == BOTH
    assert names(brenda, "--name", "docs/tr*") == ["docs/train.txt"]
    assert names(brenda, "--since", "2026-06-15") == []


def test_who_used_it_is_followed_over_clones(shared: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    andy, brenda = shared
    track("remote", "add", "data", str(andy.parent / "data"), cwd=brenda)
    track("pull", cwd=brenda).ok()
    track("run", "--name", "train", "-o", "model.pt", "--input", "docs/train.txt", "--", "sh", "-c",
          "cp docs/train.txt model.pt; echo more >> model.pt", cwd=brenda).ok()  # fmt: skip
    commit_as(brenda, "brenda", "2026-06-15T12:00:00Z", monkeypatch)
    git("pull", "-q", brenda, "main", cwd=andy)
    [dataset] = found(andy, "--name", "docs/train.txt")
    assert names(andy, "--query", {"based_on": dataset["id"]}) == ["model.pt"]
    assert names(andy, f"based_on = {dataset['digest']}") == ["model.pt"]
    [model] = found(andy, "--name", "model.pt")
    assert dataset["id"] in model["based_on"][0]["ids"]


def test_an_id_that_nothing_has_finds_nothing_and_says_among_how_many(shared: tuple[Path, Path]) -> None:
    done = track("find", "id = nope", cwd=shared[1]).ok()
    assert done.out == "" and "nothing found among 2 versions" in done.err
