"""Label and tag: the pointer says something else about the same content, and everything else is as it was."""

from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import read_tree, write_tree
from track.errors import ConflictedPointer, MalformedPointer, TrackError, UnknownPath, UsageError
from track.model.pointer import Pointer, parse_pointer
from track.project import Project
from track.verbs.label import Labelled, label
from track.verbs.tag import Tagged, tag


@pytest.fixture
def here(repo: Path) -> Path:
    track("init", cwd=repo).ok()
    write_tree(repo, {"data/a.csv": b"1\n", "data/b.csv": b"2\n", "images/x/y.png": b"png", "model": b"w"})
    track("add", "data/a.csv", "data/b.csv", "images", cwd=repo).ok()
    track("add", "model", "--name", "models/churn", "--partition", "region=eu", cwd=repo).ok()
    commit_all(repo, "data")
    return repo


def labelled(repo: Path, *paths: str, **options: object) -> Labelled:
    with Project.open(repo) as project:
        return label(project, paths, **options)  # type: ignore[arg-type]  # each test names its own options


def tagged(repo: Path, *paths: str, **options: object) -> Tagged:
    with Project.open(repo) as project:
        return tag(project, paths, **options)  # type: ignore[arg-type]  # each test names its own options


def pointer(repo: Path, name: str) -> Pointer:
    return parse_pointer((repo / f"{name}.track").read_bytes(), name)


def staged(repo: Path) -> list[str]:
    return git("diff", "--cached", "--name-only", cwd=repo).split()


def test_labels_change_the_pointer_alone_and_are_staged(here: Path) -> None:
    before = (here / "data/a.csv.track").read_bytes()

    done = labelled(here, "data/a.csv", given=[(("ticket",), "AB-7"), (("rows", "bad"), 12)])

    after = (here / "data/a.csv.track").read_bytes()
    assert after == before + b'\n[labels]\nrows = { bad = 12 }\nticket = "AB-7"\n'
    assert staged(here) == ["data/a.csv.track"]
    assert [(one.path, one.is_changed) for one in done.artifacts] == [(b"data/a.csv", True)]
    assert git("status", "--porcelain", cwd=here) == "M  data/a.csv.track\n"


def test_labelling_works_where_neither_data_nor_store_is_here(here: Path) -> None:
    commit_all(here, "data")
    git("clone", "--quiet", ".", "../elsewhere", cwd=here)
    clone = here.parent / "elsewhere"

    labelled(clone, "images", given=[(("by",), "Ada")])
    tagged(clone, "images", names=["gold"])

    found = pointer(clone, "images")
    assert (dict(found.labels), found.tags) == ({"by": "Ada"}, ("gold",))
    assert found.digest == pointer(here, "images").digest
    assert not (clone / "images").exists()


def test_a_folder_means_all_artifacts_below_it_and_a_pointer_its_artifact(here: Path) -> None:
    done = labelled(
        here, "data", ".track/artifacts/models/churn/region=eu.track", "images.track", given=[(("a",), 1)], stage=False
    )

    changed = [one.pointer for one in done.artifacts]
    named = b".track/artifacts/models/churn/region=eu.track"
    assert changed == [named, b"data/a.csv.track", b"data/b.csv.track", b"images.track"]
    assert staged(here) == []


def test_the_same_again_changes_nothing(here: Path) -> None:
    labelled(here, "images", given=[(("a",), 1)])
    before = read_tree(here)

    done = labelled(here, "images", given=[(("a",), 1)])

    assert not done.artifacts[0].is_changed
    assert read_tree(here) == before


def test_a_dry_run_says_what_would_be_and_writes_nothing(here: Path) -> None:
    before = read_tree(here)

    done = labelled(here, "data", given=[(("a",), 1)], dry_run=True)
    more = tagged(here, "data", names=["t"], dry_run=True)

    assert [one.is_changed for one in (*done.artifacts, *more.artifacts)] == [True] * 4
    assert [dict(one.labels) for one in done.artifacts] == [{"a": 1}] * 2
    assert read_tree(here) == before
    assert staged(here) == []


def test_labels_and_tags_are_taken_away_again_without_a_trace(here: Path) -> None:
    before = (here / "images.track").read_bytes()
    labelled(here, "images", given=[(("a", "b"), 1), (("c",), 2)])
    tagged(here, "images", names=["x", "y"])

    labelled(here, "images", remove=[("a", "b"), ("c",), ("never",)])
    tagged(here, "images", names=["x", "y", "never"], remove=True)

    assert (here / "images.track").read_bytes() == before


def test_without_anything_to_do_they_show(here: Path) -> None:
    labelled(here, "images", given=[(("a",), 1)])

    assert [dict(one.labels) for one in labelled(here, "images").artifacts] == [{"a": 1}]
    assert len(labelled(here).artifacts) == 4
    assert [one.tags for one in tagged(here, "images").artifacts] == [()]


@pytest.mark.parametrize(
    ("path", "kind", "said"),
    [
        ("nothing", UnknownPath, "no artifact"),
        ("images/x/y.png", UsageError, "lies in the artifact"),
        ("../x", TrackError, "outside"),
    ],
)
def test_what_is_no_artifact_is_refused(here: Path, path: str, kind: type[TrackError], said: str) -> None:
    with pytest.raises(kind, match=said):
        labelled(here, path, given=[(("a",), 1)])


def test_one_that_cannot_be_changed_leaves_all_unchanged(here: Path) -> None:
    labelled(here, "data/b.csv", given=[(("a",), 1)])
    before = read_tree(here)

    with pytest.raises(UsageError, match="is a value"):
        labelled(here, "data/a.csv", "data/b.csv", given=[(("a", "b"), 1)])

    assert read_tree(here) == before


def test_a_pointer_that_would_be_too_large_is_refused(here: Path) -> None:
    before = read_tree(here)

    with pytest.raises(UsageError, match="larger than 1 MiB"):
        labelled(here, "images", given=[(("a",), "x" * (1 << 20))])

    assert read_tree(here) == before


def test_a_number_that_toml_cannot_say_is_refused(here: Path) -> None:
    with pytest.raises(UsageError, match="64 bits"):
        labelled(here, "images", given=[(("a",), 1 << 64)])


def test_a_broken_pointer_elsewhere_stands_in_nobodys_way(here: Path) -> None:
    (here / "data/b.csv.track").write_bytes(b"[artifact]\nnonsense\n")
    (here / "data/a.csv.track").write_bytes(b"[artifact]\n<<<<<<< ours\n=======\n>>>>>>> theirs\n")

    labelled(here, "images", given=[(("a",), 1)])

    with pytest.raises(MalformedPointer):
        labelled(here, "data/b.csv", given=[(("a",), 1)])
    with pytest.raises(ConflictedPointer):
        tagged(here, "data/a.csv", names=["t"])


def test_labels_need_an_artifact(here: Path) -> None:
    with pytest.raises(UsageError, match="no artifact was named"):
        labelled(here, given=[(("a",), 1)])
    with pytest.raises(UsageError, match="no artifact was named"):
        tagged(here, names=["a"])


def test_add_takes_dotted_labels_too(here: Path) -> None:
    track("add", "data/a.csv", "--label", "infos.method=new", "--label", 'infos.n="1"', cwd=here).ok()

    assert dict(pointer(here, "data/a.csv").labels) == {"infos": {"method": "new", "n": "1"}}
