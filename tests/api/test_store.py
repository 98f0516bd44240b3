"""`track.Store`: files by paths of one's own, versioned, recorded in runs, and what bad input gets."""

import io
import multiprocessing
import os
import pickle
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest

import track
from support.cli import track as cli
from support.cli import track_here as command
from support.repositories import commit_all, git, new_repository
from support.trees import write_tree
from track.errors import (
    Conflict,
    DamagedObject,
    MalformedPointer,
    MissingObject,
    NoRemote,
    OutsideRepository,
    ProjectError,
    SpecialFile,
    StoreUnwritable,
    TrackError,
    UnknownPath,
    UnknownRevision,
    Unreadable,
    UsageError,
)
from track.model.digest import digest_of

BIG = bytes(range(256)) * (10 << 10)  # 2.5 MiB: more than a piece, and a file of its own in the store


@pytest.fixture
def here(repo: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository with files and an empty data store, and the current folder."""
    command("init", "--no-hooks", cwd=repo).ok()
    write_tree(repo, {"a.txt": b"a", "deep/b.txt": b"b", "data/scores.csv": b"in the working tree"})
    with monkeypatch.context() as moved:
        moved.chdir(repo)
        yield repo


@pytest.fixture
def store(here: Path) -> Iterator[track.Store]:
    """The data store of the repository, open."""
    with track.Store() as found:
        yield found


def content_of(store: track.Store, path: str, rev: str | None = None) -> bytes:
    buffer = io.BytesIO()
    store.get(path, buffer, rev=rev)
    return buffer.read()


def test_a_file_and_a_buffer_give_the_same_object(store: track.Store) -> None:
    buffer = io.BytesIO(b"a")
    buffer.seek(1)
    one, two = store.put("a.txt", "docExample/resultText.txt"), store.put(buffer, "other")
    assert one.digest == two.digest == digest_of(b"a")
    assert [(each.path, each.size, each.type) for each in store.list()] == [
        ("docExample/resultText.txt", 1, "text/plain"),
        ("other", 1, None),
    ]


def test_an_object_comes_back_into_a_file_a_folder_and_a_buffer_at_its_start(store: track.Store, here: Path) -> None:
    store.put(io.BytesIO(BIG), "data/big.bin")
    (here / "out").mkdir()
    placed = store.get("data/big.bin", here / "out")
    assert placed.target == here / "out/big.bin" and placed.target.read_bytes() == BIG
    assert store.get("data/big.bin").target == here / "big.bin"
    assert store.get("data/big.bin", "made/on/the/way.bin").placed == (here / "made/on/the/way.bin",)
    buffer = io.BytesIO()
    assert store.get("data/big.bin", buffer) == len(BIG)
    assert buffer.read() == BIG
    with open("raw.bin", "wb", buffering=0) as raw:  # may take less than it is given
        assert store.get("data/big.bin", raw) == len(BIG)
    assert Path("raw.bin").read_bytes() == BIG


def test_what_takes_a_little_at_a_time_gets_all_of_it(store: track.Store) -> None:
    class Slow:
        def __init__(self) -> None:
            self.got = bytearray()

        def write(self, content: bytes) -> int:
            taken = content[:100_003]
            self.got += taken
            return len(taken)

    store.put(io.BytesIO(BIG), "big")
    slow = Slow()
    assert store.get("big", slow) == len(BIG) and slow.got == BIG


def test_a_pipe_is_read_as_it_comes(store: track.Store) -> None:
    read, write = os.pipe()
    with os.fdopen(write, "wb") as file:
        file.write(b"piped")
    with os.fdopen(read, "rb", buffering=0) as pipe:
        store.put(pipe, "piped")
    assert content_of(store, "piped") == b"piped"


def test_a_path_of_the_store_is_none_of_the_working_tree(store: track.Store, here: Path) -> None:
    cli("add", "data/scores.csv", cwd=here).ok()
    with pytest.raises(UnknownPath, match=r"nothing is in the store at `data/scores\.csv`"):
        store.get("data/scores.csv", io.BytesIO())
    store.put(io.BytesIO(b"in the store"), "data/scores.csv")
    assert content_of(store, "data/scores.csv") == b"in the store"
    assert (here / "data/scores.csv").read_bytes() == b"in the working tree"
    store.delete("data/scores.csv")
    assert (here / "data/scores.csv").read_bytes() == b"in the working tree"
    assert (here / "data/scores.csv.track").exists()


def test_each_put_is_a_version_and_the_same_content_is_none(store: track.Store, here: Path) -> None:
    assert (store.put("a.txt", "x").is_new, store.put("a.txt", "x").is_changed) == (True, False)
    commit_all(here, "one")
    git("tag", "v1", cwd=here)
    assert not store.put("deep/b.txt", "x").is_new
    assert git("status", "--short", cwd=here).splitlines()[0] == "M  .track/artifacts/x.track"
    commit_all(here, "two")
    assert (content_of(store, "x"), content_of(store, "x", "v1"), content_of(store, "x", "HEAD~1")) == (
        b"b",
        b"a",
        b"a",
    )
    assert store.info("x", rev="v1").digest == digest_of(b"a") == store.list(rev="v1")[0].digest
    info = store.info("x")
    assert (info.size, info.user, info.commit, info.pointer) == (
        1,
        "Ada Lovelace",
        git("rev-parse", "HEAD", cwd=here).strip(),
        b".track/artifacts/x.track",
    )


def test_a_dry_run_writes_nothing(store: track.Store, here: Path) -> None:
    before = git("status", "--short", cwd=here)
    assert store.put("a.txt", "x", dry_run=True).is_new
    assert store.list() == () and git("status", "--short", cwd=here) == before


def test_what_is_deleted_stays_in_the_history_and_can_be_brought_back(store: track.Store, here: Path) -> None:
    store.put("a.txt", "x")
    commit_all(here, "one")
    store.delete("x")
    assert store.list() == ()
    with pytest.raises(UnknownPath):
        store.delete("x")
    assert content_of(store, "x", "HEAD") == b"a"
    cli("restore", "last", cwd=here).ok()
    assert content_of(store, "x") == b"a"


def test_objects_are_listed_below_a_folder_and_nothing_else_is(store: track.Store, here: Path) -> None:
    for path in ("data/1.csv", "data/deep/2.csv", "database", "Data/3.csv"):
        store.put("a.txt", path)
    cli("put", "folder", "deep", cwd=here).ok()
    cli("put", "answer", "--value", "42", cwd=here).ok()
    cli("put", "sales", "a.txt", "--partition", "region=eu", cwd=here).ok()
    assert [one.path for one in store.list()] == ["Data/3.csv", "data/1.csv", "data/deep/2.csv", "database"]
    assert [one.path for one in store.list("data/")] == ["data/1.csv", "data/deep/2.csv"]
    assert store.list("nothing/there") == ()


def test_what_happens_in_a_run_is_its_input_and_its_output(store: track.Store) -> None:
    store.put("a.txt", "data/predictions_7.csv")
    with track.Run() as run:
        run.init("scoring")
        store.get("data/predictions_7.csv", io.BytesIO())
        store.put("deep/b.txt", "data/preprocessed/data_preprocessed.txt")
    [found] = track.Client().get_runs()
    pointer = ".track/artifacts/data/{}.track"
    assert [one.shown for one in found.record.of("input")] == [pointer.format("predictions_7.csv")]
    assert [one.shown for one in found.record.of("output")] == [pointer.format("preprocessed/data_preprocessed.txt")]
    assert store.info("data/preprocessed/data_preprocessed.txt").run == found.record.id


def test_a_command_of_a_run_finds_the_store_without_being_told(store: track.Store, here: Path) -> None:
    store.put("a.txt", "in")
    script = "import io, track; s = track.Store(); s.get('in', 'got'); s.put('got', f'out_{7}')"
    cli("run", "--", "python3", "-c", script, cwd=here, env={"PATH": _with_this_python()}).ok()
    [found] = track.Client().get_runs()
    assert [one.shown for one in found.record.of("output") if one.shown.startswith(".track")] == [
        ".track/artifacts/out_7.track"
    ]
    assert ".track/artifacts/in.track" in [one.shown for one in found.record.of("input")]


def _with_this_python() -> str:
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        (lambda s: s.put("deep", "x"), UsageError, "`deep` is a folder"),
        (lambda s: s.put("none.txt", "x"), UnknownPath, "nothing is there to put: `none.txt`"),
        (lambda s: s.put("pipe", "x"), SpecialFile, "neither a file nor a folder"),
        (lambda s: s.put(".git/config", "x"), OutsideRepository, "Git's or track's own"),
        (lambda s: s.put("", "x"), UsageError, "source is no path of a file: ''"),
        (lambda s: s.put("a\0b", "x"), UsageError, "source is no text without a NUL"),
        (lambda s: s.put(os.fsencode("a.txt"), "x"), UsageError, "neither a path nor a buffer"),
        (lambda s: s.put(5, "x"), UsageError, "neither a path nor a buffer to read from: a int"),
        (lambda s: s.put(io.StringIO("text"), "x"), UsageError, "in text mode"),
        (lambda s: s.put(_file("a.txt", "r"), "x"), UsageError, "in text mode"),
        (lambda s: s.put(_closed(), "x"), Unreadable, "closed file"),
        (lambda s: s.put(_Odd("text"), "x"), UsageError, "in text mode"),
        (lambda s: s.put(_Odd(None), "x"), Unreadable, "gave no bytes but a NoneType"),
        (lambda s: s.put(_Odd(OSError("unplugged")), "x"), Unreadable, "unplugged"),
        (lambda s: s.put("a.txt", "../x"), UsageError, "leaves the store"),
        (lambda s: s.put("a.txt", "/etc/passwd"), UsageError, "leaves the store"),
        (lambda s: s.put("a.txt", "a/./b"), UsageError, "leaves the store"),
        (lambda s: s.put("a.txt", "a//b"), UsageError, "not the path of a file in the store"),
        (lambda s: s.put("a.txt", "data/"), UsageError, "not the path of a file in the store"),
        (lambda s: s.put("a.txt", ""), UsageError, "not the path of a file in the store"),
        (lambda s: s.put("a.txt", None), UsageError, "path is no text: None"),
        (lambda s: s.put("a.txt", "x" * 300), UsageError, "more than 200"),
        (lambda s: s.put("a.txt", "a=b"), UsageError, "has `=` in it"),
        (lambda s: s.put("a.txt", "x\n"), UsageError, "cannot be seen"),
        (lambda s: s.put("a.txt", "x", type="nonsense"), UsageError, "not a media type"),
        (lambda s: s.put("a.txt", "x", labels={"ticket": object()}), UsageError, "cannot be kept"),
        (lambda s: s.put("a.txt", "x", labels=["ticket"]), UsageError, "labels is no mapping"),
        (lambda s: s.put("a.txt", "folder"), UsageError, "`folder` is a directory, and no file"),
        (lambda s: s.put("a.txt", "sales"), UsageError, "`sales` is a named artifact with partitions"),
        (lambda s: s.get("kep", "out"), UnknownPath, "nothing is in the store at `kep`"),
        (lambda s: s.get("some", "out"), UnknownPath, "`some` is a folder of the store"),
        (lambda s: s.get("folder", "out"), UsageError, "`folder` is a directory, and no file"),
        (lambda s: s.get("folder/b.txt", "out"), UnknownPath, "nothing is in the store"),
        (lambda s: s.get("answer", "out"), UsageError, "`answer` is a value, and no file"),
        (lambda s: s.get("sales", "out"), UnknownPath, "has partitions"),
        (lambda s: s.get("kept", "out", rev="nope"), UnknownRevision, "nope"),
        (lambda s: s.get("kept", "deep/b.txt"), Conflict, "would be overwritten"),
        (lambda s: s.get("kept", "deep/b.txt/c"), Conflict, "a file is in the way"),
        (lambda s: s.get("kept", ".git/x"), OutsideRepository, "Git's or track's own"),
        (lambda s: s.get("kept", io.StringIO()), UsageError, "in text mode"),
        (lambda s: s.get("kept", _Text()), UsageError, "takes no bytes"),
        (lambda s: s.get("kept", 5), UsageError, "neither a path nor a buffer to write to: a int"),
        (lambda s: s.get("kept", b"out"), UsageError, "neither a path nor a buffer"),
        (lambda s: s.get("kept", _closed()), StoreUnwritable, "closed file"),
        (lambda s: s.get("kept", _file("a.txt", "rb")), StoreUnwritable, "cannot be written"),
        (lambda s: s.get(5, "out"), UsageError, "path is no text: 5"),
        (lambda s: s.info("kep"), UnknownPath, "nothing is in the store at `kep`"),
        (lambda s: s.info("../x"), UsageError, "leaves the store"),
        (lambda s: s.list("../x"), UsageError, "leaves the store"),
        (lambda s: s.list(5), UsageError, "folder is no text: 5"),
        (lambda s: s.list(rev="nope"), UnknownRevision, "nope"),
        (lambda s: s.delete("kep"), UnknownPath, "nothing is in the store at `kep`"),
        (lambda s: s.delete("folder"), UsageError, "is a directory"),
        (lambda s: s.delete("k*"), UsageError, r"has `\*` in it"),
        (lambda s: track.Store(remote="nope"), NoRemote, "no remote"),
    ],
)
def test_bad_input_is_refused_and_leaves_nothing(
    full: Path, fault: Callable[[track.Store], object], kind: type[TrackError], said: str
) -> None:
    with track.Store() as store:
        with pytest.raises(kind, match=said) as caught:
            fault(store)
        assert caught.value.hint or caught.value.details or kind in (OutsideRepository, UnknownRevision), said
        assert git("status", "--porcelain", "--untracked-files=all", cwd=full) == ""
        assert not list((full / ".git/track/store/staging").iterdir())
        assert content_of(store, "kept") == b"a"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with objects, and other named artifacts, all committed; no test leaves anything in it."""
    top = new_repository(tmp_path_factory.mktemp("store") / "project")
    with track.Repo.init(top, hooks=False) as repo, track.Store(top) as store:
        write_tree(top, {"a.txt": b"a", "deep/b.txt": b"b"})
        os.mkfifo(top / "pipe")
        for path in ("kept", "some/where"):
            store.put(top / "a.txt", path)
        repo.add(top / "a.txt", name="sales", partitions={"region": "eu"})
    cli("put", "folder", "deep", cwd=top).ok()
    cli("put", "answer", "--value", "42", cwd=top).ok()
    commit_all(top, "before")
    return top


@pytest.fixture
def full(scene: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """That repository, as the current folder."""
    with monkeypatch.context() as moved:
        moved.chdir(scene)
        yield scene
    while _files:
        _files.pop().close()


class _Odd:
    """A source that gives, or raises, what it was made with."""

    def __init__(self, gives: object) -> None:
        self.gives = gives

    def read(self, size: int) -> Any:
        if isinstance(self.gives, Exception):
            raise self.gives
        return self.gives


class _Text:
    """A target of text that does not say so."""

    def write(self, content: str) -> int:
        raise TypeError("write() argument must be str, not bytes")


_files: list[IO[Any]] = []


def _file(path: str, mode: str) -> IO[Any]:
    """A file, open until the end of the test."""
    _files.append(open(path, mode))  # noqa: SIM115  # the fixture closes it
    return _files[-1]


def _closed() -> io.BytesIO:
    buffer = io.BytesIO(b"x")
    buffer.close()
    return buffer


def test_the_nearest_paths_are_told(store: track.Store) -> None:
    store.put("a.txt", "data/predictions_7.csv")
    with pytest.raises(UnknownPath) as caught:
        store.get("data/prediction_7.csv", "out")
    assert caught.value.hint == "did you mean data/predictions_7.csv ?"
    with pytest.raises(UnknownPath) as caught:
        store.info("quite another thing")
    assert caught.value.hint == "track store ls"


def test_a_target_that_is_right_already_is_left_alone_and_another_is_replaced_on_demand(
    store: track.Store, here: Path
) -> None:
    store.put("a.txt", "x")
    (here / "target").write_bytes(b"a")
    before = os.stat(here / "target")
    assert store.get("x", "target").placed == ()
    assert os.stat(here / "target").st_mtime_ns == before.st_mtime_ns
    (here / "target").write_bytes(b"mine")
    with pytest.raises(Conflict):
        store.get("x", "target")
    assert (here / "target").read_bytes() == b"mine"
    assert store.get("x", "target", force=True).placed == (here / "target",)
    assert (here / "target").read_bytes() == b"a"


def test_an_object_comes_from_a_remote_and_one_that_no_remote_has_is_told(store: track.Store, here: Path) -> None:
    cli("remote", "add", "there", "../remote", cwd=here).ok()
    with track.Store(here, remote="there") as sending:
        sending.put(io.BytesIO(BIG), "sent")
    store.put(io.BytesIO(b"never sent"), "kept here")
    for name in ("objects", "packs"):
        shutil.rmtree(here / ".git/track/store" / name, ignore_errors=True)
    (here / ".git/track/store/index.db").unlink()
    with track.Store(here) as fresh:
        assert content_of(fresh, "sent") == BIG
        with pytest.raises(MissingObject) as caught:
            fresh.get("kept here", "out")
        assert caught.value.hint or caught.value.details
    assert not (here / "out").exists()


def test_damaged_bytes_reach_no_buffer(store: track.Store, here: Path) -> None:
    store.put(io.BytesIO(BIG), "x")
    [whole] = [path for path in (here / ".git/track/store/objects").rglob("*") if path.is_file()]
    os.chmod(whole, 0o644)
    whole.write_bytes(b"X" + BIG[1:])
    buffer = io.BytesIO()
    with pytest.raises((DamagedObject, MissingObject)):
        store.get("x", buffer)
    assert buffer.getvalue() == b""


def test_a_pointer_that_cannot_be_read_is_told_and_hides_no_other(
    store: track.Store, here: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.put("a.txt", "good")
    store.put("a.txt", "bad")
    (here / ".track/artifacts/bad.track").write_text('[artifact]\nkind = "file"\n')
    assert [one.path for one in store.list()] == ["good"]
    assert "bad.track" in caplog.text
    for ask in (store.info, store.get, lambda path: store.put("deep/b.txt", path), store.delete):
        with pytest.raises(MalformedPointer, match="bad"):
            ask("bad")
    listed = cli("store", "ls", cwd=here)
    assert (listed.code, listed.out.split()[0]) == (7, "good")


def test_a_closed_store_says_so(here: Path) -> None:
    store = track.Store()
    assert repr(store) == f"<Store of {here}>"
    store.close()
    store.close()
    assert repr(store).endswith("(closed)>")
    for ask in (lambda: store.put("a.txt", "x"), lambda: store.get("x", "y"), store.list, lambda: store.delete("x")):
        with pytest.raises(UsageError, match="this Store was closed") as caught:
            ask()
        assert "track.Store(" in str(caught.value.hint)


def test_outside_of_a_project_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(ProjectError):
        track.Store(tmp_path)


def test_threads_share_one_store(store: track.Store) -> None:
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            store.put(io.BytesIO(b"%d" % number), f"threads/{number}")
            assert content_of(store, f"threads/{number}") == b"%d" % number
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(store.list("threads")) == 8


def test_a_child_of_a_fork_goes_on_with_it(store: track.Store) -> None:
    store.put("a.txt", "x")
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=_in_a_child, args=(store, answers))
    child.start()
    assert answers.get(timeout=120) == (b"a", ["from the child", "x"])
    child.join()
    assert [one.path for one in store.list()] == ["from the child", "x"]


def _in_a_child(store: track.Store, answers: Any) -> None:
    store.put(io.BytesIO(b"c"), "from the child")
    answers.put((content_of(store, "x"), [one.path for one in store.list()]))


def test_another_process_opens_its_own(store: track.Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("a.txt", "x")
    with monkeypatch.context() as moved:
        moved.chdir(tmp_path)
        with pickle.loads(pickle.dumps(store)) as again:
            assert content_of(again, "x") == b"a"
