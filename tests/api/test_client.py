"""Runs are read back: objects as they were saved, files into folders, and what was read becomes an input."""

import os
import pickle
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import track
from support.cli import track as command_of
from support.cli import track_here as command
from support.repositories import commit_all, git, new_repository
from support.trees import write_tree
from track.errors import (
    Conflict,
    DamagedObject,
    ForbiddenPath,
    MissingObject,
    NoFormat,
    OutsideRepository,
    UnknownPath,
    UnknownRun,
    UsageError,
)
from track.flows.run_journal import journal_of
from track.flows.run_place import place
from track.flows.run_save import Meant, save_file, save_object
from track.flows.run_start import RUN_ID, Wishes, begin
from track.model.digest import digest_of
from track.model.record import Record, Used
from track.project import Project
from track.runs.journal import Living

FRAME = pd.DataFrame({"n": [1, 2], "kind": pd.Categorical(["a", "b"])}, index=["x", "y"])
LARGE = np.arange(300_000, dtype="<i8")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one run, which every test gets a copy of."""
    repo = new_repository(tmp_path_factory.mktemp("made") / "repo")
    command("init", cwd=repo).ok()
    write_tree(repo, {"out/a.bin": b"a" * 10, "out/b/b.bin": b"b" * 20, "cfg.in": b"cfg", "main.py": b"print()"})
    with Project.open(repo) as project, ended(project, "run1", place_it=True) as living:
        for name, category in (("out/a.bin", "output"), ("out/b/b.bin", "output"), ("cfg.in", "input")):
            saved(project, living, repo / name, category, name)
        saved(project, living, repo / "main.py", "code", "main.py")
        for name, obj in (("guesses", np.arange(3, dtype=">f4")), ("frame", FRAME), ("text", "ü"), ("large", LARGE)):
            save_object(project, living, obj, Meant("output", f"objects/{name}"))
        save_object(project, living, {1, 2}, Meant("output", "objects/set"), allow_pickle=True)
    commit_all(repo, "a run")
    return repo


@pytest.fixture
def here(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "repo", symlinks=True))


class ended:
    """A run that ends with the block; with `place_it`, its record is placed too."""

    def __init__(self, project: Project, name: str | None = None, *, place_it: bool = False) -> None:
        self.project, self.place_it = project, place_it
        self.living = begin(project, Wishes(name), with_code=False)
        self.record: Record | None = None

    def __enter__(self) -> Living:
        return self.living

    def __exit__(self, *_: object) -> None:
        now = datetime.now(UTC)
        self.record = journal_of(self.project).end(
            self.living, lambda draft: replace(draft, status="completed", ended=now)
        )
        if self.place_it:
            with self.project.lock():
                place(self.project, self.record, (), branch=self.project.git.branch())


def saved(project: Project, living: Living, path: Path, category: str, name: str) -> Used:
    return save_file(project, living, path, Meant(category, name))


@pytest.fixture
def away(tmp_path: Path) -> Path:
    """A folder that has nothing to do with the repository."""
    (tmp_path / "away").mkdir()
    return tmp_path / "away"


def tree(folder: Path) -> Mapping[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


# ---- objects ----


def test_an_object_comes_back_as_it_was_saved(here: Path) -> None:
    client = track.Client(here)
    guesses = client.get_artifact("run1", "objects/guesses")
    assert (guesses.dtype, guesses.tolist()) == (np.dtype(">f4"), [0.0, 1.0, 2.0])
    pd.testing.assert_frame_equal(client.get_artifact("run1", "objects/frame"), FRAME)
    assert client.get_artifact("run1", "objects/text") == "ü"
    assert client.get_artifact("run1", "cfg.in") == b"cfg"
    assert np.array_equal(client.get_artifact("run1", "objects/large"), LARGE)


def test_a_large_array_is_mapped_from_the_store(here: Path) -> None:
    mapped = track.Client(here).get_artifact("run1", "objects/large", memory_map=True)
    assert isinstance(mapped, np.memmap) and np.array_equal(mapped, LARGE)
    small = track.Client(here).get_artifact("run1", "objects/guesses", memory_map=True)
    assert small.tolist() == [0.0, 1.0, 2.0]


def test_a_pickle_needs_the_word(here: Path) -> None:
    with pytest.raises(NoFormat, match="not allowed"):
        track.Client(here).get_artifact("run1", "objects/set")
    assert track.Client(here).get_artifact("run1", "objects/set", allow_pickle=True) == {1, 2}


class Planted:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize(
    "kind", ["application/x-npy", "application/x-pickle", "application/octet-stream", "text/plain"]
)
def test_what_a_stranger_planted_does_not_run(here: Path, away: Path, kind: str) -> None:
    target = away / "ran"
    (here / "bad").write_bytes(pickle.dumps(Planted(target)))
    with Project.open(here) as project, ended(project, "bad") as living:
        save_file(project, living, here / "bad", Meant("output", type=kind))
    try:
        track.Client(here).get_artifact("bad", "bad")
    except track.TrackError as error:
        assert error.hint
    assert not target.exists()


def test_a_run_is_named_by_name_id_or_commit(here: Path) -> None:
    client = track.Client(here)
    record = client.get_run("run1").record
    for name in (record.id, record.id[:13], record.short, "HEAD", "run1"):
        assert client.get_artifact(name, "objects/text") == "ü"
    with Project.open(here) as project, ended(project, "run1"):
        pass
    with pytest.raises(UnknownRun, match="2 runs are called `run1`") as caught:
        client.list_artifacts("run1")
    assert any(record.short in line for line in caught.value.details)
    with pytest.raises(UnknownRun, match="run9"):
        client.list_artifacts("run9")


def test_an_artifact_that_is_not_there_is_told_with_the_nearest(here: Path) -> None:
    with pytest.raises(UnknownPath, match="`objects/gueses`") as caught:
        track.Client(here).get_artifact("run1", "objects/gueses")
    assert "objects/guesses" in (caught.value.hint or "")
    with pytest.raises(UnknownPath, match="no input artifact") as caught:
        track.Client(here).get_artifact("run1", "zzzzzz", category="input")
    assert caught.value.hint == "it has cfg.in"
    with pytest.raises(UsageError, match="results"):
        track.Client(here).get_artifact("run1", "cfg.in", category="results")


def test_artifacts_are_listed_by_category(here: Path) -> None:
    client = track.Client(here)
    assert [each.name for each in client.list_artifacts("run1", category="input")] == ["cfg.in"]
    assert [each.name for each in client.list_artifacts("run1", "code")] == ["main.py"]
    first = client.list_artifacts("run1", "output")[0]
    assert (first.name, first.type, first.kind, first.how) == (
        "objects/frame",
        "application/vnd.apache.parquet",
        "file",
        "api",
    )
    assert len(client.list_artifacts("run1")) == 9
    with pytest.raises(UsageError, match="results"):
        client.list_artifacts("run1", "results")


def test_runs_are_found_by_either_spelling(here: Path) -> None:
    client = track.Client(here)
    with Project.open(here) as project, ended(project, "run2"):
        pass
    assert [found.record.name for found in client.get_runs()] == ["run2", "run1"]
    assert [found.record.name for found in client.get_runs("file ~ 'b.bin$'")] == ["run1"]
    assert [found.record.name for found in client.get_runs({"artifacts": {"$size": 0}})] == ["run2"]
    assert [found.record.name for found in client.get_runs(sort="name", limit=1)] == ["run1"]
    with pytest.raises(UsageError, match="column 1"):
        client.get_runs("nmae = run1")


# ---- files ----


def test_one_artifact_is_put_into_a_folder(here: Path, away: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert track.Client(here).get_artifact_as_file("run1", "cfg.in", path=away) == away / "cfg.in"
    assert track.Client(here).get_artifact_as_file("run1", "out/a.bin", away / "new") == away / "new/out/a.bin"
    assert tree(away) == {"cfg.in": b"cfg", "new/out/a.bin": b"a" * 10}
    assert (away / "cfg.in").stat().st_mode & 0o777 == 0o644


def test_without_a_path_the_current_folder_is_meant(here: Path, away: Path) -> None:
    code = f"import track; track.Client({str(here)!r}).get_artifact_as_file('run1', 'cfg.in')"
    subprocess.run([sys.executable, "-c", code], cwd=away, check=True)
    assert tree(away) == {"cfg.in": b"cfg"}


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({"category": "output", "startswith": "out/"}, ["out/a.bin", "out/b/b.bin"]),
        ({"startswith": "out/b"}, ["out/b/b.bin"]),
        ({"endswith": ".bin", "contains": "a"}, ["out/a.bin"]),
        ({"category": "input", "startswith": "system/"}, []),
        ({"category": "code"}, ["main.py"]),
        ({"contains": "cfg", "endswith": ".py"}, []),
    ],
)
def test_some_artifacts_are_put_into_a_folder(here: Path, away: Path, wanted: dict[str, str], names: list[str]) -> None:
    got = track.Client(here).get_artifacts_as_files("run1", path=away / "data", **wanted)
    assert sorted(tree(away / "data")) == names
    assert [str(path.relative_to(got.folder)) for path in got.placed] == names and not got.skipped


def test_all_artifacts_are_there_and_what_is_right_is_left_alone(here: Path, away: Path) -> None:
    client = track.Client(here)
    first = client.get_artifacts_as_files("run1", away)
    assert len(first.placed) == 9
    before = {path: path.stat().st_mtime_ns for path in first.placed}
    (away / "out/a.bin").unlink()
    again = client.get_artifacts_as_files("run1", away)
    assert [path.name for path in again.placed] == ["a.bin"] and len(again.skipped) == 8
    assert all(path.stat().st_mtime_ns == before[path] for path in again.skipped)
    assert not [path for path in away.iterdir() if path.name.startswith(".track")]


def test_what_is_different_is_not_overwritten(here: Path, away: Path) -> None:
    client = track.Client(here)
    write_tree(away, {"out/a.bin": b"mine", "other": b"other"})
    with pytest.raises(Conflict, match=r"out/a\.bin would be overwritten") as caught:
        client.get_artifacts_as_files("run1", away)
    assert caught.value.details == ("out/a.bin",) and "force=True" in (caught.value.hint or "")
    assert tree(away) == {"out/a.bin": b"mine", "other": b"other"}, "nothing was written"
    client.get_artifacts_as_files("run1", away, "output", startswith="out/", force=True)
    assert tree(away) == {"out/a.bin": b"a" * 10, "out/b/b.bin": b"b" * 20, "other": b"other"}


@pytest.mark.parametrize("force", [False, True])
def test_folders_and_files_in_the_way_are_refused(here: Path, away: Path, force: bool) -> None:
    client = track.Client(here)
    write_tree(away, {"one/cfg.in/inside": b"mine", "two/out": b"mine"})
    with pytest.raises(Conflict, match=r"cfg\.in"):
        client.get_artifact_as_file("run1", "cfg.in", away / "one", force=force)
    with pytest.raises(Conflict, match="in the way"):
        client.get_artifact_as_file("run1", "out/a.bin", away / "two", force=force)
    with pytest.raises(track.TrackError):
        client.get_artifact_as_file("run1", "cfg.in", away / "two/out", force=force)
    assert tree(away) == {"one/cfg.in/inside": b"mine", "two/out": b"mine"}


def test_no_link_is_followed_out_of_the_folder(here: Path, away: Path) -> None:
    outside = away / "outside"
    outside.mkdir()
    (away / "data").mkdir()
    (away / "data/out").symlink_to(outside)
    (away / "data/cfg.in").symlink_to(outside / "cfg.in")
    for name in ("out/a.bin", "cfg.in"):
        with pytest.raises((ForbiddenPath, Conflict)):
            track.Client(here).get_artifact_as_file("run1", name, away / "data")
    track.Client(here).get_artifact_as_file("run1", "cfg.in", away / "data", force=True)
    assert tree(outside) == {} and (away / "data/cfg.in").read_bytes() == b"cfg"


@pytest.mark.parametrize(
    "name", ["../escaped", "/tmp/escaped", "a/../../escaped", ".git/hooks/post-checkout", "a//b", ""]
)
@pytest.mark.parametrize("is_there", [False, True])
def test_names_in_a_strangers_record_never_leave_the_folder(here: Path, away: Path, name: str, is_there: bool) -> None:
    with Project.open(here) as project, ended(project, "hostile") as living:
        used = save_object(project, living, "x", Meant("output", "fine"))
        bad = used._replace(name=name)
        living.edit(lambda draft: replace(draft, artifacts=(*draft.artifacts, bad)))
    folder = away / "deep/folder"
    if is_there:
        folder.mkdir(parents=True)
    with pytest.raises(ForbiddenPath):
        track.Client(here).get_artifacts_as_files("hostile", folder)
    with pytest.raises(ForbiddenPath):
        track.Client(here).get_artifact_as_file("hostile", name, folder)
    assert tree(away) == {} and not Path("/tmp/escaped").exists()


def test_gits_and_tracks_own_folders_are_refused(here: Path) -> None:
    for folder in (here / ".git", here / ".git/hooks", here / ".track"):
        with pytest.raises(OutsideRepository):
            track.Client(here).get_artifacts_as_files("run1", folder)


def test_two_contents_of_one_name_need_a_category(here: Path, away: Path) -> None:
    with Project.open(here) as project, ended(project, "both") as living:
        first = save_object(project, living, "before", Meant("input", "x"))
        after = save_object(project, living, "after", Meant("input", "y"))._replace(category="output", name="x")
        living.edit(lambda draft: replace(draft, artifacts=(first, after)))
    client = track.Client(here)
    for read in (client.get_artifact, lambda run, name: client.get_artifact_as_file(run, name, away)):
        with pytest.raises(UsageError, match="input and output") as caught:
            read("both", "x")
        assert "category=" in (caught.value.hint or "")
    with pytest.raises(UsageError, match="input and output"):
        client.get_artifacts_as_files("both", away)
    assert client.get_artifact("both", "x", category="output") == "after"
    client.get_artifacts_as_files("both", away, category="input")
    assert tree(away) == {"x": b"before"}


def test_a_tracked_folder_that_a_run_made_is_put_with_all_that_is_in_it(here: Path, away: Path) -> None:
    script = "import os; os.makedirs('d/e'); open('d/a','w').write('1'); open('d/e/b','w').write('2')"
    command("run", "-q", "--name", "maker", "-o", "d", "--", sys.executable, "-c", script, cwd=here).ok()
    client = track.Client(here)
    got = client.get_artifacts_as_files("maker", away, "output", startswith="d/")
    assert tree(away) == {"d/a": b"1", "d/e/b": b"2"} and len(got.placed) == 2
    assert client.get_artifact_as_file("maker", "d", away) == away / "d"
    with pytest.raises(UsageError, match="folder"):
        client.get_artifact("maker", "d")


def test_a_name_that_is_not_utf8_comes_back_to_its_bytes(here: Path, away: Path) -> None:
    name = os.fsdecode(b"o\xff\\t")
    command("run", "-q", "--name", "odd", "-o", name, "--", "touch", name, cwd=here).ok()
    (artifact,) = track.Client(here).list_artifacts("odd", "output")
    placed = track.Client(here).get_artifact_as_file("odd", artifact.name, away)
    assert placed == away / name and placed.is_file()


# ---- series ----


@pytest.fixture
def logged(here: Path) -> Path:
    """The repository with a run that logged points and events."""
    run = command("runs", "create", "--name", "logs", cwd=here).ok().out.strip()
    for number, loss in enumerate((0.5, 0.25, 0.125)):
        command("log", "metric", "--run", run, f"loss={loss}", f"acc={number}", cwd=here).ok()
    for text in ("began", "half way", "done"):
        command("log", "event", "--run", run, text, cwd=here).ok()
    return here


@pytest.mark.parametrize("has_ended", [False, True])
def test_series_and_events_are_read_while_a_run_lives_and_when_it_has_ended(logged: Path, has_ended: bool) -> None:
    if has_ended:
        command("runs", "close", "logs", cwd=logged).ok()
    client = track.Client(logged)
    points = client.get_metric_values("logs")
    assert {name: (list(each.values), list(each.steps)) for name, each in points.items()} == {
        "acc": ([0.0, 1.0, 2.0], [0, 1, 2]),
        "loss": ([0.5, 0.25, 0.125], [0, 1, 2]),
    }
    assert list(client.get_metric_values("logs", "loss")) == ["loss"]
    assert list(client.get_metric_values("logs", ["loss", "acc"])) == ["loss", "acc"]
    assert [event.text for event in client.get_events("logs")] == ["began", "half way", "done"]
    assert [event.text for event in client.get_events("logs", "half")] == ["half way"]
    with pytest.raises(UsageError, match="no metric lss"):
        client.get_metric_values("logs", "lss")
    assert dict(client.get_metric_values("run1")) == {} and client.get_events("run1") == ()


def test_series_come_from_the_remote(logged: Path, away: Path) -> None:
    command("runs", "close", "logs", cwd=logged).ok()
    clone = clone_without_data(logged, away)
    assert list(track.Client(clone).get_metric_values("logs", "loss")["loss"].values) == [0.5, 0.25, 0.125]
    assert len(track.Client(clone).get_events("logs")) == 3


# ---- from a remote, damaged, by many at once ----


def clone_without_data(repo: Path, top: Path) -> Path:
    """A fresh clone of all that is in the working tree, beside a remote that has all the data."""
    command("remote", "add", "origin", str(top / "remote"), cwd=repo).ok()
    commit_all(repo, "remote")
    command("push", cwd=repo).ok()
    git("clone", "--quiet", repo, top / "clone", cwd=top)
    command("init", cwd=top / "clone").ok()
    command("remote", "add", "origin", str(top / "remote"), cwd=top / "clone")
    return top / "clone"


@pytest.fixture
def shared(here: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clone_without_data(here, tmp_path_factory.mktemp("shared"))


def test_what_is_not_here_comes_from_the_remote(shared: Path, away: Path) -> None:
    client = track.Client(shared)
    assert client.get_artifact("run1", "objects/text") == "ü"
    assert np.array_equal(client.get_artifact("run1", "objects/large"), LARGE)
    got = client.get_artifacts_as_files("run1", away, "output", startswith="out/")
    assert tree(away) == {"out/a.bin": b"a" * 10, "out/b/b.bin": b"b" * 20} and len(got.placed) == 2


def test_what_stands_there_already_is_not_fetched(shared: Path, away: Path) -> None:
    write_tree(away, {"out/a.bin": b"a" * 10})
    got = track.Client(shared).get_artifacts_as_files("run1", away, "output", startswith="out/a")
    assert not got.placed and len(got.skipped) == 1
    with Project.open(shared) as project:
        assert project.store.absent([digest_of(b"a" * 10)])


def test_what_is_nowhere_is_told(shared: Path, here: Path, away: Path) -> None:
    with Project.open(here) as project, ended(project, "unpushed", place_it=True) as living:
        save_object(project, living, "never sent", Meant("output", "x"))
    commit_all(here, "another")
    git("pull", "--quiet", cwd=shared)
    with pytest.raises(MissingObject):
        track.Client(shared).get_artifact("unpushed", "x")
    with pytest.raises(MissingObject):
        track.Client(shared).get_artifacts_as_files("unpushed", away / "data")
    assert not (away / "data").exists()


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


def test_damage_in_the_store_is_never_handed_out_and_mended_from_the_remote(shared: Path, here: Path) -> None:
    for repo in (shared, here):
        client = track.Client(repo)
        client.get_artifact("run1", "objects/large")
        with Project.open(repo) as project:
            used = next(each for each in client.list_artifacts("run1") if each.name == "objects/large")
            whole = project.store.whole(used.digest)
            assert whole is not None
        flip(whole)
        assert np.array_equal(client.get_artifact("run1", "objects/large"), LARGE)
    git("remote", "remove", "origin", cwd=shared)


def test_damage_without_a_remote_is_an_error(here: Path) -> None:
    used = next(each for each in track.Client(here).list_artifacts("run1") if each.name == "objects/large")
    with Project.open(here) as project:
        whole = project.store.whole(used.digest)
    assert whole is not None
    flip(whole)
    with pytest.raises((DamagedObject, MissingObject, track.TrackError)):
        track.Client(here).get_artifact("run1", "objects/large")


def test_one_client_serves_many_threads(here: Path, away: Path) -> None:
    client, failed = track.Client(here), []

    def work(number: int) -> None:
        try:
            for _ in range(3):
                assert client.get_artifact("run1", "objects/guesses").tolist() == [0.0, 1.0, 2.0]
                client.get_artifacts_as_files("run1", away / f"{number}", "output")
                assert len(client.get_runs()) == 1
        except BaseException as error:  # a test's thread: whatever it is, it is shown below
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert all(tree(away / f"{number}") == tree(away / "0") for number in range(6))
    assert {path.stat().st_mode & 0o777 for path in away.rglob("*") if path.is_file()} == {0o644}


def test_large_files_are_placed_by_several_threads(here: Path, away: Path) -> None:
    content = {f"big{number}": os.urandom(5 << 20) for number in range(6)}
    write_tree(here, content)
    with Project.open(here) as project, ended(project, "big") as living:
        for name in content:
            saved(project, living, here / name, "output", name)
    got = track.Client(here).get_artifacts_as_files("big", away)
    assert tree(away) == content and len(got.placed) == 6
    assert not [path for path in away.iterdir() if path.name.startswith(".track")]


# ---- inputs ----


def test_what_is_fetched_inside_a_run_is_its_input(here: Path, away: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = track.Client(here)
    with Project.open(here) as project:
        living = begin(project, Wishes("reader"), with_code=False)
        monkeypatch.setenv(RUN_ID, living.id)
        client.get_artifact("run1", "objects/guesses")
        client.get_artifact("run1", "objects/guesses")
        client.get_artifacts_as_files("run1", away, "output", startswith="out/")
        inputs = living.record().of("input")
        assert [used.shown for used in inputs] == ["objects/guesses", "out/a.bin", "out/b/b.bin"]
        assert {used.how for used in inputs} == {"api"}
        made = {each.name: each.digest for each in client.list_artifacts("run1")}
        assert all(made[used.shown] == used.digest for used in inputs)
        save_object(project, living, client.get_artifact("run1", "objects/guesses"), Meant("input", "objects/guesses"))
        assert len(living.record().of("input")) == 3, "saving it once more adds nothing"


def test_a_name_that_the_reader_has_for_something_else_does_not_stop_it(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = track.Client(here)
    with Project.open(here) as project:
        living = begin(project, Wishes("reader"), with_code=False)
        save_object(project, living, "mine", Meant("output", "cfg.in"))
        monkeypatch.setenv(RUN_ID, living.id)
        assert client.get_artifact("run1", "cfg.in") == b"cfg"
        short = client.get_run("run1").record.short
        assert [used.shown for used in living.record().of("input")] == [f"{short}/cfg.in"]


def test_a_run_that_has_ended_or_is_none_of_this_clone_is_not_written_to(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Project.open(here) as project:
        with ended(project, "over") as living:
            pass
        for reader in (living.id, "0198c1f2-7a10-7c3e-9f51-0d2f6a4c9b7e", "nonsense"):
            monkeypatch.setenv(RUN_ID, reader)
            assert track.Client(here).get_artifact("run1", "objects/text") == "ü"
        assert track.Client(here).list_artifacts("over") == ()


def test_under_track_run_a_program_that_reads_has_inputs(here: Path) -> None:
    script = "import track; assert track.Client().get_artifact('run1', 'objects/text') == 'ü'"
    command_of("run", "-q", "--name", "reads", "--", sys.executable, "-c", script, cwd=here).ok()
    assert [each.name for each in track.Client(here).list_artifacts("reads", "input")] == ["objects/text"]


# ---- start-up ----


def test_importing_track_loads_nothing_and_the_client_nothing_heavy() -> None:
    code = (
        "import sys, track\n"
        "assert not [name for name in sys.modules if name.startswith('track.')]\n"
        "track.Client\n"
        "heavy = {'git', 'obstore', 'pandas', 'numpy', 'polars', 'pyarrow', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "[]\n"


def test_where_track_is_not_set_up_it_is_told(away: Path) -> None:
    with pytest.raises(track.TrackError):
        track.Client(away).get_runs()
