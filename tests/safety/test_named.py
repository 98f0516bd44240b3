"""Named artifacts under kills, in races, and in a stranger's repository.

A spread of the kills is tried; `TRACK_SAFETY=full python -m pytest tests/safety/test_named.py` tries all.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from support.cli import track, track_here
from support.named import NAMED, got, new_project, new_rides, pointer
from support.repositories import commit_all, git
from support.scene import duplicate
from support.sweep import Work, kill_everywhere
from support.trees import write_tree


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene whose `repo` has three partitions of `rides`, with files beside it to be put."""
    scene = tmp_path_factory.mktemp("named")
    new_rides(scene / "repo")
    write_tree(scene, {"large.bin": b"large" * 400_000, "model/a": b"a", "model/in/b": b"b", "card.md": b"# Card\n"})
    return scene


@pytest.fixture
def scene(made: Path, tmp_path: Path) -> Path:
    """A copy of that."""
    return duplicate(made, tmp_path / "scene")


def brings(scene: Path, *words: str, content: bytes) -> None:
    """What a version is afterwards."""
    track("get", *words, "-o", scene / "brought", cwd=scene / "repo").ok()  # in a thread: a process of its own
    assert (scene / "brought").read_bytes() == content
    track("verify", cwd=scene / "repo").ok()


@pytest.mark.needs("strace")
@pytest.mark.timeout(3600)
def test_a_put_survives_a_kill_at_any_change(made: Path, tmp_path: Path) -> None:
    partition = ("--partition", "region=eu", "--time", "2024-01-01")
    command = ("put", "rides", "../large.bin", *partition, "--card", "../card.md")
    work = Work(made, "repo", command, lambda scene: brings(scene, "rides", *partition, content=b"large" * 400_000))
    assert kill_everywhere(work, tmp_path, most=12) > 8


@pytest.mark.needs("strace")
@pytest.mark.timeout(3600)
def test_moving_an_alias_survives_a_kill_at_any_change(made: Path, tmp_path: Path) -> None:
    scene = duplicate(made, tmp_path / "scene")
    track_here("alias", "rides", "prod", cwd=scene / "repo").ok()
    work = Work(
        scene,
        "repo",
        ("alias", "rides", "prod", "--partition", "region=us"),
        lambda after: brings(after, "rides@prod", content=b"us 2024-01-01\n"),
    )
    assert kill_everywhere(work, tmp_path, most=6) > 3


def test_puts_at_once_all_come_to_be(scene: Path) -> None:
    repo = scene / "repo"
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "track", "put", name, "../large.bin" if number % 2 else "../model", *partition],
            cwd=repo,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for number, (name, partition) in enumerate(
            [("rides", ("--partition", f"region=r{number}", "--time", "2024-01-01")) for number in range(4)]
            + [("same", ()), ("same", ())]
        )
    ]
    for process in started:
        assert process.wait(timeout=240) == 0, process.communicate()[1]
        process.communicate()
    assert track_here("artifacts", "show", "rides", "--json", cwd=repo).ok().json["count"] == 7
    assert pointer(repo, "same").kind in ("file", "directory")
    assert sorted(git("diff", "--cached", "--name-only", cwd=repo).split()) == [
        *(f".track/artifacts/rides/region=r{number}/time=2024-01-01.track" for number in range(4)),
        ".track/artifacts/same.track",
    ]
    track("verify", cwd=repo).ok()


# ---- a stranger's repository ----


HOSTILE = (
    "..%2F..%2Fescape.track",
    "%2E%2E/x.track",
    "a/%00.track",
    "UPPER.track",
    "a/k=v/b.track",
    "a/k=v/k=w.track",
    "\x1b[31mred.track",
    "a/@.track",
    "a/@%2F.track",
)


@pytest.fixture
def strange(tmp_path: Path) -> Path:
    """A repository whose named artifacts are called as nothing may be, beside one that is fine."""
    repo = new_project(tmp_path / "repo")
    track_here("put", "fine", "--value", "1", cwd=repo).ok()
    content = (repo / NAMED / "fine.track").read_bytes()
    for name in HOSTILE:
        (repo / NAMED / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / NAMED / name).write_bytes(content)
    commit_all(repo, "strange")
    return repo


def test_names_that_nothing_has_are_told_and_the_others_are_listed(strange: Path) -> None:
    listed = track_here("artifacts", "list", cwd=strange)
    assert listed.code == 7 and "Traceback" not in listed.err
    assert listed.out.split() == ["fine", "value", "0", "B", "1", "version"]
    assert "\x1b" not in listed.out + listed.err
    for verb in (
        ("status",),
        ("ls",),
        ("diff",),
        ("log",),
        ("du",),
        ("verify",),
        ("doctor",),
        ("artifacts", "show", "fine"),
    ):
        done = track_here(*verb, cwd=strange)
        assert "Traceback" not in done.err and "\x1b[31mred" not in done.out + done.err, verb
    assert got(strange, "fine") == b"1\n"


def test_no_name_leads_out_of_where_the_copy_goes(strange: Path) -> None:
    before = {path for path in strange.parent.rglob("*") if ".git" not in path.parts}
    for name in HOSTILE:
        for words in (f"{NAMED}/{name}", name.removesuffix(".track")):
            done = track_here("get", words, "-o", "out/", cwd=strange)
            assert done.code in (2, 7) or "out/" in done.err, (words, done.err)
            assert "Traceback" not in done.err
    now = {path for path in strange.parent.rglob("*") if ".git" not in path.parts}
    assert {path for path in now - before if strange / "out" not in (path, *path.parents)} == set()


def test_a_folder_of_names_that_is_a_link_is_not_followed(scene: Path) -> None:
    repo = scene / "repo"
    outside = scene / "outside"
    outside.mkdir()
    for place in ("linked", "rides/region=asia"):
        (repo / NAMED / place).symlink_to(outside)
    for words in (
        ("put", "linked/x", "--value", "1"),
        ("put", "rides", "--value", "1", "--partition", "region=asia", "--time", "2024-01-01"),
        ("declare", "linked", "--key", "a"),
    ):
        done = track_here(*words, cwd=repo)
        assert done.code == 7 and "link" in done.err, done.err
    assert list(outside.iterdir()) == []
    assert got(repo, "rides") == b"eu 2024-01-02\n"


def test_a_pointer_that_is_broken_stops_its_own_version_alone(scene: Path) -> None:
    repo = scene / "repo"
    (repo / NAMED / "rides/region=us/time=2024-01-01.track").write_text("[artifact]\nkind = 1\n")
    done = track_here("get", "rides", "--partition", "region=us", "-o", "x", cwd=repo)
    assert done.code == 7 and "region=us/time=2024-01-01.track" in done.err
    assert got(repo, "rides", "--partition", "region=eu") == b"eu 2024-01-02\n"
    listed = track_here("artifacts", "list", cwd=repo)
    assert listed.code == 7 and listed.out.startswith("rides")
