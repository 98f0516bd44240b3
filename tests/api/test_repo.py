"""`track.Repo` and the versions that it gives: thin, from any folder, in threads and processes, and never wrong."""

import inspect
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import track
from support.cli import track as cli
from support.reading import read_bytes
from support.repositories import commit_all, git, new_repository
from support.scene import duplicate
from track.api.filesystem import TrackFileSystem
from track.api.version import Files
from track.cli.commands.run import command as run_command
from track.errors import (
    Conflict,
    DamagedObject,
    MalformedContent,
    MissingObject,
    NoFormat,
    NotARepository,
    OutsideRepository,
    ProjectError,
    TrackError,
    UnknownFile,
    UnknownPath,
    UnknownRevision,
    UsageError,
)
from track.flows.opened import sweep_readable
from track.model.record import Used
from track.project import Project

BIG = bytes(range(256)) * (6 << 10)  # 1.5 MiB: a file of its own in the store


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two versions, `v1` and what is checked out, all of it at a remote beside it."""
    top = tmp_path_factory.mktemp("repo") / "project"
    new_repository(top)
    with track.Repo.init(top, hooks=False) as repo:
        (top / "data").mkdir()
        (top / "images/deep").mkdir(parents=True)
        (top / "data/train.csv").write_text("name,age\nAda,36\n")
        (top / "images/a.txt").write_text("alpha")
        (top / "images/deep/big.bin").write_bytes(BIG)
        repo.add("data/train.csv", "images", labels={"ticket": "AB-1", "infos": {"split": "random"}}, tags=("gold",))
        commit_all(top, "first")
        git("tag", "v1", cwd=top)
        (top / "data/train.csv").write_text("name,age\nAda,36\nAlan,41\n")
        repo.add("data/train.csv")
        for region in ("eu", "us"):
            (top / "sales.csv").write_text(f"{region}\n")
            repo.add("sales.csv", name="sales", partitions={"region": region, "day": "1"})
            (top / "sales.csv").unlink()
        commit_all(top, "second")
    cli("remote", "add", "here", "../remote", cwd=top).ok()
    commit_all(top, "remote")
    cli("push", "--all", cwd=top).ok()
    return top


@pytest.fixture
def repo(scene: Path, tmp_path: Path) -> Iterator[track.Repo]:
    """The project, copied for one test, with what it names at a remote of its own."""
    duplicate(scene.parent, tmp_path / "all")
    with track.Repo(tmp_path / "all/project") as repo:
        yield repo


def without_bytes(repo: track.Repo) -> None:
    """The store, emptied."""
    store = repo.root / ".git/track/store"
    for name in ("objects", "packs", "index.db", "index.db-wal", "index.db-shm"):
        place = store / name
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)


def test_a_version_is_what_its_pointer_names_and_not_what_is_on_disk(repo: track.Repo) -> None:
    (repo.root / "data/train.csv").write_text("edited")
    new, old = repo.get("data/train.csv"), repo.get("data/train.csv", "v1")
    assert (new.read_text(), old.read_text()) == ("name,age\nAda,36\nAlan,41\n", "name,age\nAda,36\n")
    assert (new.name, new.rev, new.kind, new.size, new.type) == ("data/train.csv", None, "file", 24, "text/csv")
    assert old.rev == "v1"
    assert new != old
    assert new == repo.get("data/train.csv.track")
    assert len({new, repo.get("data/train.csv"), old}) == 2
    assert repr(old) == f"<Version data/train.csv at v1: file, {old.digest.short}, 16 B>"  # type: ignore[union-attr]
    assert new.labels == {"ticket": "AB-1", "infos": {"split": "random"}}
    assert new.tags == ("gold",)


def test_a_version_stays_what_it_is_when_the_working_tree_moves_on(repo: track.Repo) -> None:
    version = repo.get("data/train.csv")
    (repo.root / "data/train.csv").write_text("third")
    repo.add("data/train.csv")
    assert version.read_text().endswith("Alan,41\n")
    assert repo.get("data/train.csv").read_text() == "third"


def test_a_directory_is_a_mapping_of_its_files(repo: track.Repo) -> None:
    images = repo.get("images")
    assert isinstance(images.files, Files)
    assert list(images.files) == ["a.txt", "deep/big.bin"]
    assert len(images.files) == 2
    assert images.files["a.txt"].read_bytes() == b"alpha"
    assert images.files["deep"].kind == "directory"
    assert images.files["deep"].digest is None
    assert images.files["deep"].size == len(BIG)
    assert list(images.files["deep"].files) == ["big.bin"]
    assert images.files["deep"].files["big.bin"] == repo.get("images/deep/big.bin")
    assert images.kind == "directory"
    assert "nope" not in images.files
    with pytest.raises(UnknownFile, match="`nope` is not in the artifact `images`") as caught:
        images.files["nope"]
    assert isinstance(caught.value, KeyError)
    assert repr(images.files) == "<Files of images: 2 files>"
    with pytest.raises(UsageError, match="is a directory") as refused:
        images.read_bytes()
    assert ".files[NAME]" in (refused.value.hint or "")


def test_a_file_has_itself_as_its_only_file(repo: track.Repo) -> None:
    files = repo.get("data/train.csv").files
    assert dict(files) == {"train.csv": repo.get("data/train.csv")}
    with pytest.raises(UnknownFile, match=r"is one file, `train\.csv`"):
        files["test.csv"]


def test_files_are_opened_as_bytes_or_text_and_never_for_writing(repo: track.Repo) -> None:
    with repo.open("data/train.csv") as binary, repo.open("data/train.csv", "r") as text:
        assert (binary.read(4), text.readline()) == (b"name", "name,age\n")
    with repo.open("images/deep/big.bin") as large:
        large.seek(-2, os.SEEK_END)
        assert large.read() == BIG[-2:]
    with pytest.raises(UsageError, match="cannot be opened with mode 'wb'"):
        repo.get("data/train.csv").open("wb")  # type: ignore[call-overload]  # what somebody tries
    with pytest.raises(UsageError, match="is not text in utf-8"):
        repo.get("images/deep/big.bin").read_text()
    assert repo.get("data/train.csv").read_text(encoding="latin-1").startswith("name")


def test_named_artifacts_are_found_by_name_and_partitions(repo: track.Repo) -> None:
    assert repo.get("sales", region="eu", day="1").read_text() == "eu\n"
    found = repo.get("sales", day="1", region="us")
    assert found.read_text() == "us\n"
    assert dict(found.partitions) == {"region": "us", "day": "1"}
    assert repo.get("sales", region="us").name == "sales day=1 region=us"
    assert repo.get("sales", region="us").path.name == "sales"
    assert repo.get("sales", region="us").commit == git("rev-parse", "HEAD~1", cwd=repo.root).strip()
    assert list(repo.get("sales@latest").files) == ["sales"]
    assert repo.get("sales", day="1").name in ("sales day=1 region=eu", "sales day=1 region=us")
    with pytest.raises(UnknownPath, match="`sales` has no version with region=asia"):
        repo.get("sales", region="asia")
    with pytest.raises(UsageError, match="has no partition key `regoin`"):
        repo.get("sales", regoin="eu")


def test_a_value_is_read_as_itself_or_as_its_json(repo: track.Repo) -> None:
    cli("put", "answer", "--value", "42", cwd=repo.root).ok()
    answer = repo.get("answer")
    assert (answer.kind, answer.load(), answer.read_text(), answer.path.read_text()) == ("value", 42, "42\n", "42\n")
    for ask in (lambda: answer.files, lambda: answer.download("a")):
        with pytest.raises(UsageError, match="`answer` is a value"):
            ask()


def test_paths_are_those_of_the_folder_it_was_opened_with(repo: track.Repo, tmp_path: Path) -> None:
    before = os.getcwd()
    with track.Repo(repo.root / "data") as inner:
        os.chdir(tmp_path)
        try:
            assert inner.get("train.csv").name == "data/train.csv"
            assert inner.get("../images/a.txt").read_bytes() == b"alpha"
            assert inner.get(repo.root / "images/a.txt").read_bytes() == b"alpha"
            assert inner.status("train.csv").artifacts[0].path == b"data/train.csv"
            assert os.getcwd() == str(tmp_path)
        finally:
            os.chdir(before)
    with pytest.raises(OutsideRepository):
        repo.get(tmp_path / "elsewhere")


def test_what_is_not_there_is_named_with_what_was_meant(repo: track.Repo) -> None:
    with pytest.raises(UnknownPath) as caught:
        repo.get("data/tran.csv")
    assert caught.value.hint == "did you mean data/train.csv ?"
    with pytest.raises(UnknownRevision, match="`v9`"):
        repo.get("data/train.csv", rev="v9")
    with pytest.raises(UnknownPath, match="with nothing inside it"):
        repo.get("data/train.csv/more")
    with pytest.raises(UnknownPath, match="is the whole working tree"):
        repo.get(".")


def test_what_is_called_nearly_so_is_named(repo: track.Repo) -> None:
    git("tag", "v1.0", cwd=repo.root)
    told: dict[str, Callable[[], object]] = {
        "a.txt": lambda: repo.get("images").files["b.txt"],
        "deep/big.bin": lambda: repo.get("images/deep/pig.bin"),
        "main": lambda: repo.get("images", rev="mian"),
        "v1.0": lambda: repo.diff("HEAD", "v1.1"),
        "data/train.csv": lambda: repo.checkout("data/tran.csv"),
        " v1.0": lambda: repo.checkout(rev="v1.1"),
    }
    for meant, ask in told.items():
        with pytest.raises(UsageError) as caught:
            ask()
        assert (caught.value.hint or "").startswith(f"did you mean {meant.strip()}")


def test_no_repository_and_one_without_track_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(NotARepository):
        track.Repo(tmp_path)
    with pytest.raises(ProjectError, match="track is not set up") as caught:
        track.Repo(new_repository(tmp_path / "plain"))
    assert caught.value.hint == "track init"
    with pytest.raises(NotARepository):
        track.Repo.init(tmp_path / "missing")


def test_a_current_folder_that_is_gone_is_told(
    repo: track.Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (gone := tmp_path / "gone").mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    asks: tuple[Callable[[], object], ...] = (
        *(track.Repo, track.Handler, track.Client, track.Store),
        lambda: repo.get("data/train.csv").download("x"),
        lambda: TrackFileSystem(skip_instance_cache=True).ls(""),
    )
    for ask in asks:
        with pytest.raises(NotARepository, match="is not there any more") as caught:
            ask()
        assert caught.value.hint == "go to one that is: cd FOLDER"
    assert repo.get("data/train.csv").read_bytes()


def test_a_closed_repository_says_so(repo: track.Repo) -> None:
    version = repo.get("data/train.csv")
    repo.close()
    repo.close()
    for use in (lambda: repo.get("images"), repo.status, version.read_bytes, lambda: version.commit):
        with pytest.raises(UsageError, match="this Repo was closed"):
            use()
    assert repr(repo).endswith("(closed)>")


def test_what_it_gave_outlives_it_and_is_let_go_of_with_the_last(repo: track.Repo) -> None:
    version = track.Repo(repo.root).get("images/a.txt")
    assert version.read_bytes() == b"alpha"
    place = str(repo.root / ".git/track/store")
    assert version.read_bytes() == b"alpha"
    repo.close()

    def held() -> list[str]:
        links = (Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd"))
        return [str(link.readlink()) for link in links if link.is_symlink() and place in str(link.readlink())]

    assert held()
    del version
    assert held() == []


def test_reading_again_starts_no_program(repo: track.Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.get("data/train.csv").read_bytes()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    assert repo.get("images/a.txt").read_bytes() == b"alpha"
    with pytest.raises(AssertionError):
        repo.get("data/train.csv", "v1")


def test_threads_share_one(repo: track.Repo) -> None:
    wrong: list[object] = []

    def work() -> None:
        try:
            for _ in range(20):
                assert repo.get("images/a.txt").read_bytes() == b"alpha"
                assert repo.get("images").files["deep/big.bin"].read_bytes() == BIG
                assert repo.get("data/train.csv").path.read_text().endswith("Alan,41\n")
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


FIRST_CALLS = """
import sys, threading, traceback
import track

repo = track.Repo()
calls = (
    repo.status, repo.diff, lambda: repo.find("size > 1"), lambda: repo.log("images"), lambda: repo.add("images"),
    lambda: repo.put("number", value=1), lambda: repo.lineage("images"), lambda: track.Client().get_runs(), track.Run,
)
together = threading.Barrier(len(calls))

def call(what):
    together.wait()
    try:
        what()
    except Exception:
        print(traceback.format_exc())

threads = [threading.Thread(target=call, args=(what,)) for what in calls]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for what in calls[:5]:
    if not hasattr(what(), "_repr_html_"):
        print(what, "gives what has no page")
"""


def test_threads_may_make_the_first_calls_at_once(repo: track.Repo) -> None:
    """Each of them loads what it needs, while the others do."""
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", FIRST_CALLS], cwd=repo.root, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_a_child_of_a_fork_goes_on_with_it(repo: track.Repo) -> None:
    version = repo.get("images/deep/big.bin")
    version.read_bytes()
    code = os.fork()
    if not code:
        try:
            good = version.read_bytes() == BIG and repo.get("images/a.txt").read_bytes() == b"alpha"
            os._exit(0 if good else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(code, 0)[1]) == 0
    assert version.read_bytes() == BIG


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_children_that_are_forked_while_a_thread_asks_go_on_with_it(repo: track.Repo) -> None:
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            repo.status()

    thread = threading.Thread(target=ask)
    thread.start()
    codes = []
    for _ in range(20):
        child = os.fork()
        if not child:
            signal.alarm(20)
            try:
                repo.status()
                os._exit(0)
            finally:
                os._exit(2)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    is_over.set()
    thread.join()
    assert codes == [0] * 20


def test_many_processes_read_at_once(repo: track.Repo) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        read = pool.starmap_async(read_bytes, [(str(repo.root), "images/a.txt")] * 4)
        assert read.get(timeout=250) == [b"alpha"] * 4


def test_what_is_not_here_comes_from_a_remote(repo: track.Repo) -> None:
    without_bytes(repo)
    images = repo.get("images")
    assert images.files["a.txt"].read_bytes() == b"alpha"
    assert images.files["deep/big.bin"].path.read_bytes() == BIG
    with repo.open("data/train.csv", "r", rev="v1") as file:
        assert file.read() == "name,age\nAda,36\n"


def test_what_is_not_here_is_told_where_no_remote_has_it(repo: track.Repo) -> None:
    cli("remote", "remove", "here", cwd=repo.root).ok()
    without_bytes(repo)
    with pytest.raises(MissingObject, match=r"`data/train\.csv` is not available"):
        repo.get("data/train.csv").read_bytes()
    with pytest.raises(MissingObject, match=r"`images/a\.txt` is not available"):
        repo.get("images/a.txt")


def test_what_is_damaged_here_is_fetched_again_and_never_given(repo: track.Repo) -> None:
    version = repo.get("images/deep/big.bin")
    (place,) = (repo.root / ".git/track/store/objects").glob("*/*")

    def opened() -> bytes:
        with version.open() as file:
            return file.read()

    for read in (version.read_bytes, opened, lambda: version.path.read_bytes()):
        place.chmod(0o644)
        place.write_bytes(b"x" + BIG[1:])
        assert read() == BIG
    cli("remote", "remove", "here", cwd=repo.root).ok()
    place.chmod(0o644)
    place.write_bytes(b"x" + BIG[1:])
    with pytest.raises((DamagedObject, MissingObject)):
        version.read_bytes()


def test_changed_configuration_is_noticed(repo: track.Repo) -> None:
    without_bytes(repo)
    cli("remote", "remove", "here", cwd=repo.root).ok()
    with pytest.raises(MissingObject):
        repo.get("data/train.csv").read_bytes()
    cli("remote", "add", "again", "../remote", cwd=repo.root).ok()
    assert repo.get("data/train.csv").read_text().endswith("Alan,41\n")


def test_a_path_is_a_read_only_file_of_that_name_made_again_when_it_was_changed(repo: track.Repo) -> None:
    for name, content in (("images/a.txt", b"alpha"), ("images/deep/big.bin", BIG)):
        version = repo.get(name)
        path = version.path
        assert path.name == Path(name).name
        assert path.read_bytes() == content
        assert not path.stat().st_mode & 0o222
        assert repo.root / ".git" in path.parents
        assert version.path == path
        path.unlink()
        path.write_bytes(b"somebody's")
        assert version.path.read_bytes() == content
    with pytest.raises(UsageError, match="is a directory"):
        assert repo.get("images").path


def test_downloads_go_anywhere_and_overwrite_nothing(repo: track.Repo, tmp_path: Path) -> None:
    target = tmp_path / "out"
    done = repo.get("images").download(target)
    assert done.target == target
    assert (target / "deep/big.bin").read_bytes() == BIG
    assert repo.get("images").download(target).present == done.placed
    (target / "a.txt").write_text("mine")
    with pytest.raises(Conflict):
        repo.get("images").download(target)
    assert (target / "a.txt").read_text() == "mine"
    repo.get("images").download(target, force=True)
    assert (target / "a.txt").read_text() == "alpha"
    assert repo.get("data/train.csv", "v1").download(target).target == target / "train.csv"
    assert repo.get("data/train.csv", "v1").download(tmp_path / "old.csv").target.read_text() == "name,age\nAda,36\n"
    with pytest.raises(OutsideRepository):
        repo.get("images").download(repo.root / ".git/mine")


def test_objects_are_loaded_by_type_and_pickles_only_when_that_is_allowed(repo: track.Repo) -> None:
    for name, content in (("facts.json", b'{"a": [1, 2]}'), ("model.pkl", b"\x80\x04K\x07."), ("raw.bin", b"\x00")):
        (repo.root / name).write_bytes(content)
    repo.add("facts.json", "model.pkl", "raw.bin")
    assert repo.get("facts.json").load() == {"a": [1, 2]}
    assert repo.get("raw.bin").load() == b"\x00"
    assert repo.get("data/train.csv").load() == "name,age\nAda,36\nAlan,41\n"
    assert repo.get("images/a.txt").load() == "alpha"
    with pytest.raises(NoFormat, match="pickling was not allowed"):
        repo.get("model.pkl").load()
    assert repo.get("model.pkl").load(allow_pickle=True) == 7


def test_all_who_used_what_it_holds_are_named_whoever_made_it_for_them(repo: track.Repo) -> None:
    copy = "from pathlib import Path; Path('again.csv').write_text(Path('data/train.csv').read_text())"
    for name, command, used, made in (
        ("copy", [sys.executable, "-c", copy], "data/train.csv", ["again.csv"]),
        ("reader", [sys.executable, "-c", ""], "again.csv", []),
    ):
        assert repo.run(command, inputs=[used], outputs=made, name=name).code == 0
    for path in ("data/train.csv", "again.csv"):
        assert [record.name for record in repo.get(path).used_by()] == ["copy", "reader"]


def test_what_made_it_what_it_came_from_and_who_used_it(repo: track.Repo) -> None:
    script = "from pathlib import Path; Path('model.txt').write_text(Path('data/train.csv').read_text()[::-1])"
    ran = repo.run(
        [sys.executable, "-c", script], inputs=["data/train.csv"], outputs=["model.txt"], name="fit", params={"lr": 0.1}
    )
    assert ran.code == 0
    model, train = repo.get("model.txt"), repo.get("data/train.csv")
    assert model.run is not None
    assert (model.run.name, model.run.params["lr"]) == ("fit", 0.1)
    assert model.commit is None
    assert [node.name for node in model.based_on] == ["data/train.csv"]
    assert [record.name for record in train.used_by()] == ["fit"]
    assert train.run is None
    commit = commit_all(repo.root, "fitted")
    assert model.commit == commit
    assert train.commit == git("rev-parse", "HEAD~2", cwd=repo.root).strip()
    assert repo.get("data/train.csv", "v1").commit == git("rev-parse", "v1", cwd=repo.root).strip()
    assert [run.record.name for run in repo.runs().runs] == ["fit"]
    assert {node.kind for node in repo.lineage("model.txt").graph.nodes} >= {"artifact", "run"}
    assert repo.deps("data/train.csv").graph.nodes[0].name == "data/train.csv"
    way = repo.path("data/train.csv", "model.txt").graph.nodes
    assert [node.name for node in way] == ["model.txt", "fit", "data/train.csv"]
    assert [use.name for use in repo.who_uses("data/train.csv").uses] == ["fit"]
    assert (repo.stale().artifacts, repo.stale("model.txt").made_count) == ((), 1)
    with pytest.raises(UnknownPath):
        repo.stale("nothing")
    assert repo.get("sales", region="eu").run is None
    assert repo.get("sales", region="eu").based_on == ()


def test_files_and_values_are_put_under_a_name(repo: track.Repo) -> None:
    done = repo.put("sales", "data/train.csv", partitions={"region": "us"}, labels={"ticket": "AB-7"})
    assert (done.is_new, done.kind, done.run) == (True, "file", None)
    assert repo.get("sales", region="us").read_text() == repo.get("data/train.csv").read_text()
    assert not repo.put("sales", "data/train.csv", partitions={"region": "us"}).is_changed
    assert repo.put("limits", value={"max": 3}).kind == "value"
    assert repo.get("limits").load() == {"max": 3}
    assert repo.put("other", "data/train.csv", dry_run=True).is_new
    assert repo.put("daily", "data/train.csv", time=date(2026, 1, 2), dry_run=True).is_new
    with pytest.raises(UnknownPath):
        repo.get("other")
    with pytest.raises(UnknownPath):
        repo.put("sales", "nothing.csv", partitions={"region": "us"})


def test_a_file_that_is_not_what_its_type_says_is_told_by_its_name(repo: track.Repo) -> None:
    (repo.root / "facts.json").write_text('{"lr": ')
    repo.add("facts.json")
    with pytest.raises(MalformedContent, match=r"`facts\.json` is no application/json") as caught:
        repo.get("facts.json").load()
    assert caught.value.hint == "its bytes as they are: read_bytes()"


def test_a_run_is_told_all_that_its_command_is_told() -> None:
    options = {"observing": "observe", "is_clean": "require", "is_pushed": "require", "no_keep": "keep"}
    of_command = {options.get(str(each.name), str(each.name)) for each in run_command.params}
    of_method = set(inspect.signature(track.Repo.run).parameters)
    of_command -= {"command_line", "quiet", "verbose"}  # the last two once it was called here
    assert of_command == of_method - {"self", "command", "echo"}


def test_a_run_is_as_its_options_say(repo: track.Repo) -> None:
    script = (
        "import os; from pathlib import Path; Path('made.txt').write_text(' '.join(sorted(os.listdir('data'))));"
        "Path('loss.csv').write_text('loss\\n0.5\\n')"
    )
    (repo.root / "data/other.txt").write_text("not an input")
    commit_all(repo.root, "clean")
    ran = repo.run(
        [sys.executable, "-c", script],
        inputs=["data/train.csv"],
        outputs=[Path("made.txt")],
        metrics=["loss.csv"],
        name="all",
        folder="/sweeps",
        description="with everything",
        tags=["a", "b", "a"],
        metadata={"solver": "gmres", "cells": np.int64(7)},
        params={"lr": np.float64(0.5)},
        observe="python",
        require="clean",
        isolated=True,
        commit=True,
    )
    record = ran.record
    assert (ran.code, record.name, record.folder, record.description) == (0, "all", "/sweeps", "with everything")
    assert (record.tags, record.metadata["cells"], record.params) == (("a", "b"), 7, {"lr": 0.5})
    assert record.metrics["loss"].last == 0.5
    assert repo.get("made.txt").read_text() == "other.txt train.csv train.csv.track"
    assert ran.commit == git("rev-parse", "HEAD", cwd=repo.root).strip()
    (repo.root / "edited.py").write_text("1\n")
    git("add", "edited.py", cwd=repo.root)
    with pytest.raises(TrackError, match="no commit has"):
        repo.run(["true"], require="clean")
    alone = repo.run(["true"], keep=False)
    assert (alone.staged, alone.why_not is not None) == ((), True)
    wrong: tuple[tuple[str, dict[str, Any]], ...] = (
        ("observe is none that there is: 'all'", {"observe": "all"}),
        ("require is none that there is: 'pure'", {"require": "pure"}),
        ("params lr is a list", {"params": {"lr": [1]}}),
        ("what is not kept cannot be committed", {"keep": False, "commit": True}),
        ("metadata lr is a ndarray", {"metadata": {"lr": np.zeros(2)}}),
    )
    for said, options in wrong:
        with pytest.raises(TrackError, match=said):
            repo.run(["true"], **options)


def test_what_is_read_inside_a_run_is_its_input_once(repo: track.Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.getcwd()
    os.chdir(repo.root)
    try:
        with track.Run() as run:
            run.config(suppress_errors=False)
            run.init("reads")
            for _ in range(2):
                repo.get("data/train.csv").read_bytes()
                repo.get("images/a.txt").open().close()
                repo.get("data/train.csv", "v1").read_text()
                repo.get("sales", region="eu").load()
            repo.get("sales", region="us")  # asked for, and not read
    finally:
        os.chdir(before)
    (found,) = repo.runs().runs
    assert {(used.path, used.name, used.how) for used in found.record.of("input")} == {
        (b"data/train.csv", None, "api"),
        (b"images", None, "api"),
        (None, "v1:data/train.csv", "api"),
        (b".track/artifacts/sales/day=1/region=eu.track", None, "api"),
    }
    assert all(isinstance(used, Used) for used in found.record.artifacts)
    assert len(found.record.of("input")) == 4


def test_the_verbs_are_reached_with_what_they_return(repo: track.Repo, tmp_path: Path) -> None:
    (repo.root / "data/train.csv").write_text("third\n")
    assert [one.data for one in repo.status().changed] == ["M"]
    assert [one.op for one in repo.diff().artifacts] == ["M"]
    assert [one.path for one in repo.diff("v1", "HEAD", paths=["data"]).artifacts] == [b"data/train.csv"]
    with pytest.raises(TrackError):
        repo.checkout("data/train.csv")
    repo.checkout("data/train.csv", force=True)
    assert (repo.root / "data/train.csv").read_text().endswith("Alan,41\n")
    assert len(repo.log("data/train.csv").versions) == 2
    assert repo.push(dry_run=True)
    assert repo.pull().artifacts is not None
    other = track.Repo.clone(str(repo.root), tmp_path / "all/other", hooks=False)
    assert other.get("data/train.csv").read_text().endswith("Alan,41\n")
    other.close()


def test_one_text_is_no_list(repo: track.Repo) -> None:
    asked: dict[str, Callable[[], object]] = {
        "command": lambda: repo.run("w -h"),
        "inputs": lambda: repo.run(["true"], inputs="data/train.csv"),
        "outputs": lambda: repo.run(["true"], outputs=Path("made")),  # type: ignore[arg-type]  # it is wrong
        "tags": lambda: repo.add("data/train.csv", tags="gold"),
    }
    for what, ask in asked.items():
        with pytest.raises(TrackError, match=f"{what} is one text and no list"):
            ask()


def test_a_label_that_cannot_be_kept_is_refused_before_anything_is_stored(repo: track.Repo) -> None:
    for labels in ({"note": None}, {"infos": {"note": object()}}):
        with pytest.raises(TrackError, match="the label note cannot be kept"):
            repo.add("data/train.csv", labels=labels, dry_run=True)
    repo.add("data/train.csv", labels={"note": ["a", 1, True]})
    assert repo.get("data/train.csv").labels["note"] == ["a", 1, True]


def test_a_notebook_shows_what_is_known_and_nothing_of_a_hostile_name_is_code(repo: track.Repo) -> None:
    name = "<img src=x onerror=alert(1)>.csv"
    (repo.root / name).write_text("<script>alert(1)</script>,b\n1,\u202e2\n")
    repo.add(name, labels={"<b>": "<i>"})
    page = repo.get(name)._repr_html_()
    assert "<script" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;" in page
    assert "\\u202e2" in page
    assert "&lt;i&gt;" in page
    assert "a.txt" in repo.get("images")._repr_html_()
    (repo.root / "dot.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    repo.add("dot.png")
    assert 'src="data:image/png;base64,iVBORw0KGgo="' in repo.get("dot.png")._repr_html_()
    without_bytes(repo)
    cli("remote", "remove", "here", cwd=repo.root).ok()
    assert "not on this machine yet" in repo.get(name)._repr_html_()


def test_every_public_method_says_what_it_raises() -> None:
    for kind in (track.Repo, track.Version):
        assert "TrackError" in (kind.__doc__ or "")
        for name, found in {name: vars(each)[name] for each in kind.__mro__[:-1] for name in vars(each)}.items():
            method = found.__func__ if isinstance(found, classmethod) else found
            reads = inspect.isfunction(method) and not name.startswith("_")
            assert not reads or name == "close" or "aises" in (method.__doc__ or ""), f"{kind}.{name}"


def test_files_that_nobody_asked_for_in_a_week_are_swept_and_those_in_use_stay(tmp_path: Path) -> None:
    repo = new_repository(tmp_path / "fresh")
    cli("init", cwd=repo).ok()
    names = ("a.csv", "b.csv", "c.csv", "big.bin")
    for name in names:
        (repo / name).write_bytes(BIG if name == "big.bin" else name.encode())
    cli("add", *names, cwd=repo).ok()
    with track.Repo(repo) as opened:
        places = {name: opened.get(name).path for name in names}
        then = time.time() - 8 * 86_400
        for name in names:
            os.utime(places[name].parent, (then, then))
        with places["a.csv"].open("rb") as reading:
            assert opened.get("b.csv").path == places["b.csv"]  # asked for once more
            with Project.open(repo) as project:
                assert sweep_readable(project, time.time(), most=1) == 1
            cli("gc", cwd=repo).ok()
            assert [name for name in names if places[name].exists()] == ["b.csv"]
            assert os.listdir(repo / ".git" / "track" / "readable") == [places["b.csv"].parent.name]
            assert reading.read() == b"a.csv"
        assert opened.get("big.bin").path.read_bytes() == BIG
        cli("verify", cwd=repo).ok()


def test_whoever_makes_a_file_sweeps_old_ones_once(tmp_path: Path) -> None:
    repo = new_repository(tmp_path / "fresh")
    cli("init", cwd=repo).ok()
    (repo / "a.csv").write_text("a")
    cli("add", "a.csv", cwd=repo).ok()
    old = repo / ".git" / "track" / "readable" / ("0" * 64)
    old.mkdir(parents=True)
    (old / "old.csv").write_text("old")
    os.utime(old, (1, 1))
    with track.Repo(repo) as opened:
        assert opened.get("a.csv").path.read_text() == "a"
    assert not old.exists()
