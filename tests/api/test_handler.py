"""`track.Handler`: what bad input gets, and what it leaves alone."""

import os
import pickle
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import track
from support.cli import track_here as command
from support.repositories import commit_all, git
from support.trees import write_tree
from track.errors import (
    Conflict,
    MissingObject,
    NoRemote,
    OutsideRepository,
    ProjectError,
    SpecialFile,
    StoreUnwritable,
    TrackError,
    UnknownFile,
    UnknownPath,
    UsageError,
)
from track.flows import run_code
from track.flows.run_start import journal_of
from track.formats import known
from track.history.code_tree import LARGEST
from track.model.record import Revision
from track.project import Project
from track.verbs.put import Content, Put, put


@pytest.fixture
def here(repo: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository with files and without uploads, and the current folder."""
    command("init", "--no-hooks", cwd=repo).ok()
    write_tree(repo, {"a.txt": b"a", "deep/b.txt": b"b", "deep/er/c.txt": b"c\r\n", "deep/latin.txt": b"\xe9"})
    with monkeypatch.context() as moved:
        moved.chdir(repo)
        yield repo


def left(repo: Path) -> tuple[str, int]:
    """What Git sees, and how many runs this clone knows of."""
    with Project.open(repo) as project:
        journal = journal_of(project)
        runs = len(journal.living()) + len(journal.ended_ids())
    staging = repo / ".git/track/store/staging"
    assert not staging.exists() or not list(staging.iterdir())
    return git("status", "--porcelain", cwd=repo), runs


def test_files_are_called_as_below_the_deepest_folder_that_holds_them(here: Path) -> None:
    h = track.Handler()
    assert list(h.upload(["deep/b.txt", "deep/er/c.txt"]).files) == ["b.txt", "er/c.txt"]
    assert list(h.upload(["a.txt", "deep/b.txt"]).files) == ["a.txt", "deep/b.txt"]
    assert list(h.upload([Path("deep/er/c.txt"), here / "deep/er/c.txt"]).files) == ["c.txt"]
    os.chdir(here / "deep")
    assert track.Handler().upload(["er/c.txt"]).files["c.txt"].download_string() == "c\r\n"


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        (lambda h: h.upload("a.txt"), UsageError, "local_paths is one text and no list"),
        (lambda h: h.upload([]), UsageError, "no file was given"),
        (lambda h: h.upload(["deep"]), UsageError, "is a folder"),
        (lambda h: h.upload(["a.txt", "none.txt"]), UnknownPath, "none.txt"),
        (lambda h: h.upload([".git/config"]), OutsideRepository, "Git's or track's own"),
        (lambda h: h.upload(["pipe"]), SpecialFile, "neither a file nor a folder"),
        (lambda h: h.upload(["a.txt"], {"ticket": "AB"}), UsageError, "labels are a dict"),
        (lambda h: h.upload(["a.txt"], based_on=["nope"]), UnknownPath, "nope"),
        (lambda h: h.upload([b"\xff.txt".decode("utf-8", "surrogateescape")]), UsageError, "is not UTF-8"),
        (lambda h: h.new("model.pt"), UsageError, "paths is one text and no list"),
        (lambda h: h.new([]), UsageError, "no file was named"),
        (lambda h: h.new(["../model.pt"]), UsageError, r"has the component \.\."),
        (lambda h: h.new(["/model.pt"]), UsageError, "is absolute"),
        (lambda h: h.new([".git/config"]), UsageError, "not a name for a file"),
        (lambda h: h.new(["a", "a/b"]), UsageError, "a file and a folder"),
        (lambda h: h.new(["a"], {"ticket": "AB"}), UsageError, "labels are a dict"),
        (lambda h: h.new(["a"]).file, UsageError, "in their block alone"),
        (lambda h: h.new(["a"]).artifact, UsageError, "nothing was uploaded"),
        (lambda h: h.find({"usernam": "andy"}), UsageError, "there is no field `usernam`"),
        (lambda h: h.find({"username": {"$near": 1}}), UsageError, "near"),
        (lambda h: h.find(max_docs=0), UsageError, "max_docs is 0, less than 1"),
        (lambda h: h.get(""), UsageError, "not the id of an upload"),
        (lambda h: h.get("*"), UnknownPath, r"nothing was uploaded as \*"),
    ],
)
def test_bad_input_is_refused_and_leaves_nothing(
    here: Path, fault: Callable[[track.Handler], object], kind: type[TrackError], said: str
) -> None:
    os.mkfifo(here / "pipe")
    (here / os.fsdecode(b"\xff.txt")).write_text("x")
    before = left(here)
    with pytest.raises(kind, match=said) as caught:
        fault(track.Handler())
    told = f"{caught.value.message} {caught.value.hint}"
    assert "Traceback" not in told
    assert left(here) == before


@pytest.mark.parametrize("labels", [{"ticket": 5}, {"infos": ["x"]}, {"infos": {"x": 5}}, {"infos": {"": "x"}}])
def test_labels_are_text(labels: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        track.Labels(**labels)


@pytest.mark.parametrize("name", ["", " andy", "an\ndy", "Andy <andy@example.org>", 5])
def test_a_user_is_a_name(name: Any) -> None:
    with pytest.raises(UsageError, match="not a user"), track.as_user(name):
        pass


def test_a_user_is_one_in_the_block_and_in_its_thread_alone(here: Path) -> None:
    h = track.Handler()
    found: list[str] = []
    with track.as_user("andy"):
        with track.as_user("brenda"):
            assert h.upload(["a.txt"]).metadata.username == "brenda"
        thread = threading.Thread(target=lambda: found.append(h.upload(["a.txt"]).metadata.username))
        thread.start()
        thread.join()
        assert h.upload(["a.txt"]).metadata.username == "andy"
    own = h.upload(["a.txt"]).metadata.username
    assert found == [own] and own not in ("andy", "brenda")


def test_an_id_may_be_its_beginning_where_that_is_enough(here: Path) -> None:
    h = track.Handler()
    first, second = (h.upload([name]).metadata.artifact_id for name in ("a.txt", "deep/b.txt"))
    size = next(at for at, (one, other) in enumerate(zip(first, second, strict=True), 1) if one != other)
    assert h.get(first[:size]).metadata.artifact_id == first
    assert h.get(second[len("artifact_") : max(size, 12)]).metadata.artifact_id == second
    with pytest.raises(UsageError, match=f"several uploads begin with artifact_: .*{first}"):
        h.get("artifact_")
    with pytest.raises(UnknownPath, match=first + "x"):
        h.get(first + "x")


def test_what_is_not_whole_or_not_there_is_told(here: Path) -> None:
    h = track.Handler()
    artifact = h.upload(["a.txt", "deep/latin.txt"])
    with pytest.raises(UsageError, match="is not text in utf-8"):
        artifact.files["deep/latin.txt"].download_string()
    with pytest.raises(UsageError, match="encoding is no encoding that Python knows: 'no-such'"):
        artifact.files["a.txt"].download_string("no-such")
    assert artifact.files["deep/latin.txt"].download_string("latin-1") == "é"
    with pytest.raises(KeyError):
        artifact.files["none"]
    (here / "deep/a.txt").write_text("mine")
    with pytest.raises(Conflict):
        artifact.files["a.txt"].download("deep")
    assert (here / "deep/a.txt").read_text() == "mine"
    assert artifact.files["a.txt"].download("deep", force=True).read_text() == "a"
    [pointer] = (here / ".track/artifacts").glob("artifact_*")
    pointer.write_text(pointer.read_text().replace('files = ["a.txt", "deep/latin.txt"]', 'files = ["other"]'))
    with pytest.raises(UnknownFile):
        h.get(artifact.metadata.artifact_id).files["other"].download_string()


def test_data_that_no_remote_has_is_told_with_what_it_is_of(here: Path, tmp_path: Path) -> None:
    artifact_id = track.Handler().upload(["a.txt"]).metadata.artifact_id
    git("commit", "--quiet", "-m", "not pushed", cwd=here)
    git("clone", "--quiet", here, tmp_path / "clone", cwd=tmp_path)
    artifact = track.Handler(path=tmp_path / "clone").get(artifact_id)
    for read in (lambda: artifact.files["a.txt"].remote_url, lambda: artifact.files["a.txt"].download_string()):
        with pytest.raises(MissingObject):
            read()
    with pytest.raises(NoRemote):
        artifact.metadata.python_packages  # noqa: B018  # what it raises is asked


def test_a_remote_that_is_none_is_told_before_anything_is_uploaded(here: Path) -> None:
    before = left(here)
    with pytest.raises(NoRemote, match="no remote"):
        track.Handler("nowhere").upload(["a.txt"])
    command("remote", "add", "origin", "../data", cwd=here).ok()
    git("commit", "--quiet", "-am", "a remote", cwd=here, check=False)
    before = left(here)
    with pytest.raises(NoRemote, match="nowhere"):
        track.Handler("nowhere").upload(["a.txt"])
    assert left(here) == before


def test_outside_of_a_project_it_says_what_to_do(here: Path, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    git("init", "--quiet", cwd=tmp_path / "plain")
    with pytest.raises(ProjectError):
        track.Handler(path=tmp_path / "plain").find()


def test_a_block_is_begun_once(here: Path) -> None:
    new = track.Handler().new(["a"])
    with new:
        Path(new.file.remote_url).write_text("a")
        with pytest.raises(UsageError, match="begun before"):
            new.__enter__()
    with pytest.raises(UsageError, match="begun before"):
        new.__enter__()
    assert new.artifact.files["a"].download_string() == "a"


def test_without_pandas_the_answer_is_a_list(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    h = track.Handler()
    artifact = h.upload(["a.txt"])
    monkeypatch.setattr(known, "_is_there", lambda *libraries: False)
    [found] = h.find()
    assert found["artifact_id"] == artifact.metadata.artifact_id and found["labels"]["infos"] == {}
    assert h.find({"username": "zed"}) == []


def test_inside_another_run_what_was_read_before_it_does_not_count(here: Path) -> None:
    h = track.Handler()
    artifact_id = h.upload(["a.txt"]).metadata.artifact_id
    h.get(artifact_id)
    with track.Run() as run:
        run.config(suppress_errors=False)
        run.init("another")
        assert h.based_on == []
        h.get(artifact_id).files["a.txt"].download_string()
        assert h.upload(["a.txt"]).metadata.based_on == [artifact_id]
    assert [used.path for used in run.inputs] == [f".track/artifacts/{artifact_id}.track".encode()]
    assert h.based_on == [artifact_id]


def test_the_names_are_loaded_when_they_are_asked_for(here: Path) -> None:
    look = (
        "import sys, track; assert not {'pandas', 'track.api.handler'} & set(sys.modules); "
        "track.Handler, track.Labels, track.as_user; assert 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", look], check=True)


def test_the_code_of_a_handler_is_kept_once_while_it_is_the_same(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[str] = []
    keep = run_code._keep
    monkeypatch.setattr(run_code, "_keep", lambda found, *more: kept.append(found.tree) or keep(found, *more))
    (here / "train.py").write_text("1\n")
    git("add", "train.py", cwd=here)
    h = track.Handler()

    def code_of(name: str) -> Revision:
        uploaded = h.upload([name])
        with track.Repo(here) as repo:
            record = repo.get(uploaded.metadata.artifact_id).run
        assert record is not None and record.revision is not None and record.revision.code is not None
        return record.revision

    first = code_of("a.txt")
    assert code_of("deep/b.txt") == first and len(kept) == 1
    (here / "train.py").write_text("2\n")
    edited = code_of("a.txt")
    assert edited != first and code_of("deep/b.txt") == edited and len(kept) == 2
    (here / "new.py").write_text("3\n")
    more = code_of("a.txt")
    assert more != edited and len(kept) == 3
    commit_all(here, "everything")
    committed = code_of("a.txt")
    assert (committed.dirty, committed.commit != more.commit, len(kept)) == (False, True, 4)
    (here / "large.bin").write_bytes(bytes(LARGEST + 1))
    assert code_of("a.txt").omitted == (b"large.bin",) and len(kept) == 5
    for name in ("packs", "index.db", "index.db-wal", "index.db-shm"):
        place = here / ".git/track/store" / name
        shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
    assert code_of("a.txt").code == committed.code and len(kept) == 6


def test_a_handler_is_one_run_for_each_user_and_process(here: Path) -> None:
    h, other = track.Handler(), track.Handler()
    first, second, third = h.upload(["a.txt"]), h.upload(["deep/b.txt"]), other.upload(["a.txt"])
    with h.new(["c"]) as new:
        Path(new.file.remote_url).write_text("c")
    assert first.metadata.run_id == second.metadata.run_id == new.artifact.metadata.run_id != third.metadata.run_id
    with track.as_user("andy"):
        of_andy = h.upload(["a.txt"]).metadata
        assert of_andy.run_id != first.metadata.run_id and of_andy.username == "andy"
        assert h.upload(["deep/b.txt"]).metadata.run_id == of_andy.run_id
    found = h.find({"run_id": first.metadata.run_id})
    assert sorted(found.index) == sorted(each.metadata.artifact_id for each in (first, second, new.artifact))
    with track.Repo(here) as repo:
        records = {one.record.id: one.record for one in repo.runs().runs}
        run = records[first.metadata.run_id]
        assert (run.parent, run.status, len(run.of("output"))) == (None, "completed", 1)
        assert sum(record.parent == run.id for record in records.values()) == 2
        assert repo.get(second.metadata.artifact_id).run in records.values()
    assert second.metadata.python_packages == first.metadata.python_packages != {}
    child = os.fork()
    if not child:
        try:
            os._exit(0 if h.upload(["a.txt"]).metadata.run_id not in records else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert pickle.loads(pickle.dumps(h)).upload(["a.txt"]).metadata.run_id not in records


def test_a_first_upload_that_fails_beside_another_is_nobodys_parent(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first waits for the second to be through, if it can: then that one had a parent that came to nothing."""
    h, begun, through = track.Handler(), threading.Event(), threading.Event()

    def slow(project: Project, name: str, content: Content, **options: Any) -> Put:
        if not begun.is_set():
            begun.set()
            through.wait(1)
            raise StoreUnwritable("no room for the first")
        return put(project, name, content, **options)

    monkeypatch.setattr("track.api.handler.put", slow)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(h.upload, ["a.txt"])
        assert begun.wait(60)
        second = threads.submit(h.upload, ["deep/b.txt"])
        second.add_done_callback(lambda _: through.set())
        with pytest.raises(StoreUnwritable, match="no room for the first"):
            first.result()
        run = second.result().metadata.run_id
    assert h.upload(["a.txt"]).metadata.run_id == run
    with track.Repo(here) as repo:
        assert run in {one.record.id for one in repo.runs().runs}


def test_threads_that_upload_at_once_are_one_run_and_an_upload_that_failed_is_none(here: Path) -> None:
    h = track.Handler()
    os.mkfifo(here / "pipe")
    with pytest.raises(SpecialFile):
        h.upload(["pipe"])
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: h.upload(["a.txt"]).metadata, range(4)))
    assert len({one.run_id for one in found}) == 1 and len({one.artifact_id for one in found}) == 4
    with track.Repo(here) as repo:
        assert found[0].run_id in {one.record.id for one in repo.runs().runs}


def test_inside_a_run_a_handler_is_that_run(here: Path) -> None:
    h = track.Handler()
    before = h.upload(["a.txt"]).metadata.run_id
    with track.Run() as run:
        run.config(suppress_errors=False)
        run.init("around")
        ids = {h.upload(["a.txt"]).metadata.run_id, track.Handler().upload(["a.txt"]).metadata.run_id}
    assert ids == {run.id}
    assert h.upload(["a.txt"]).metadata.run_id == before


def test_an_upload_may_have_more_files_than_a_pointer_can_name(here: Path, tmp_path: Path) -> None:
    command("remote", "add", "origin", str(tmp_path / "data"), cwd=here).ok()
    names = [f"{number // 100:03}/of many files {number:06}.txt" for number in range(3000)]
    write_tree(here / "many", {name: name.encode() for name in names})
    h = track.Handler("origin")
    artifact = h.upload([here / "many" / name for name in names])
    artifact_id = artifact.metadata.artifact_id
    assert list(artifact.files) == artifact.metadata.file_relpaths == names
    assert artifact.files[names[-1]].download_string() == names[-1]
    [pointer] = (here / ".track/artifacts").glob("artifact_*")
    assert pointer.stat().st_size < 1000
    assert list(h.find({"file_relpaths": {"$regex": "002999"}}).index) == [artifact_id]
    git("commit", "--quiet", "--all", "-m", "many", cwd=here)
    git("clone", "--quiet", here, tmp_path / "clone", cwd=tmp_path)
    command("trust", "--yes", "origin", cwd=tmp_path / "clone").ok()
    far = track.Handler(path=tmp_path / "clone")
    assert far.find().file_relpaths.tolist() == [[]]  # no remote is asked
    assert list(far.get(artifact_id).files) == names
    assert far.find().file_relpaths.tolist() == [names]
    assert far.get(artifact_id).files[names[7]].download_string() == names[7]
    with pytest.raises(UsageError, match="is a file and a folder among these"):
        h.new(["a/b/c", "a/b"])
