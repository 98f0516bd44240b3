"""Ls, show, cat, get, log, du: any version is looked at without touching the working tree."""

import os
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import Empty, Executable, Link, read_tree, write_tree
from track.errors import (
    Conflict,
    DamagedObject,
    MissingObject,
    OutsideRepository,
    UnknownPath,
    UnknownRevision,
    UsageError,
)
from track.model.digest import digest_of
from track.model.names import artifact_pointer
from track.model.pointer import Pointer, dump_pointer, value_digest
from track.project import Project
from track.verbs.cat import cat
from track.verbs.du import Sizes, du
from track.verbs.get import Got, get
from track.verbs.log import Logged, log
from track.verbs.ls import Listing, ls
from track.verbs.show import Shown, show

TREE = {
    b"cat/1.jpg": b"cat 1",
    b"cat/2.jpg": b"cat 2",
    b"cat-x": b"between cat and cat/",
    b"empty": Empty(),
    b"link": Link(b"../outside"),
    b"run.sh": Executable(b"#!/bin/sh\n"),
    b"\xff\nodd": b"",
}
LARGE = os.urandom(3 << 20)


@pytest.fixture
def here(repo: Path) -> Path:
    """Two versions of a file and a directory, a large file, a named value."""
    track("init", cwd=repo).ok()
    write_tree(repo, {"data/a.csv": b"one\n", "big.bin": LARGE})
    write_tree(repo / "images", TREE)
    track("add", "data/a.csv", "images", "big.bin", cwd=repo).ok()
    value = repo / os.fsdecode(artifact_pointer("score/best"))
    value.parent.mkdir(parents=True)
    value.write_bytes(dump_pointer(Pointer(kind="value", digest=value_digest({"auc": 0.9}), value={"auc": 0.9})))
    commit_all(repo, "first")
    (repo / "data/a.csv").write_bytes(b"one\ntwo\n")
    (repo / "images/cat/1.jpg").write_bytes(b"a better cat 1")
    track("add", "data/a.csv", "images", "--label", "by=Ada", cwd=repo).ok()
    commit_all(repo, "second")
    return repo


def listed(repo: Path, words: str = "", **options: bool) -> Listing:
    with Project.open(repo) as project:
        return ls(project, words, **options)


def shown(repo: Path, words: str) -> Shown:
    with Project.open(repo) as project:
        return show(project, words)


def content(repo: Path, words: str) -> bytes:
    with Project.open(repo) as project:
        return b"".join(cat(project, words))


def got(repo: Path, words: str, target: str | None = None, **options: bool) -> Got:
    with Project.open(repo) as project:
        return get(project, words, target, **options)


def logged(repo: Path, path: str, rev: str = "HEAD", **options: bool) -> Logged:
    with Project.open(repo) as project:
        return log(project, path, rev, **options)


def measured(repo: Path, *paths: str) -> Sizes:
    with Project.open(repo) as project:
        return du(project, paths)


def paths(found: Listing) -> list[bytes]:
    return [item.path for item in found.items]


VALUE = artifact_pointer("score/best")


def test_ls_lists_the_artifacts_of_a_place(here: Path) -> None:
    assert paths(listed(here)) == [VALUE, b"big.bin", b"data/a.csv", b"images"]
    assert paths(listed(here, "HEAD~1:")) == paths(listed(here, ":")) == paths(listed(here))
    assert paths(listed(here, "data")) == [b"data/a.csv"]
    assert paths(listed(here, "HEAD~2:")) == []
    by_path = {item.path: item for item in listed(here).items}
    assert (by_path[b"images"].files, by_path[b"images"].labels) == (6, (("by", "Ada"),))
    assert by_path[VALUE].name == "score/best"


def test_ls_lists_what_is_below_where_we_are(here: Path) -> None:
    with Project.open(here / "data") as project:
        assert paths(ls(project)) == [b"data/a.csv"]
        assert paths(ls(project, "a.csv")) == [b"data/a.csv"]
        assert paths(ls(project, "HEAD:./a.csv")) == [b"data/a.csv"]
        assert paths(ls(project, "HEAD:data")) == [b"data/a.csv"]


def test_ls_counts_folders_inside_an_artifact(here: Path) -> None:
    found = listed(here, "images")
    assert [(item.path, item.kind, item.size, item.files) for item in found.items] == [
        (b"images/cat-x", "file", 20, None),
        (b"images/cat", "directory", 19, 2),
        (b"images/empty", "directory", 0, 0),
        (b"images/link", "link", 10, None),
        (b"images/run.sh", "file", 10, None),
        (b"images/\xff\nodd", "file", 0, None),
    ]
    assert paths(listed(here, "HEAD~1:images/cat")) == [b"images/cat/1.jpg", b"images/cat/2.jpg"]
    assert paths(listed(here, "images", recursive=True)) == [b"images/" + path for path in sorted(TREE)]
    assert paths(listed(here, "images/cat/1.jpg")) == [b"images/cat/1.jpg"]


def test_a_revision_means_the_same_inside_an_artifact(here, monkeypatch):
    monkeypatch.chdir(here / "images")
    for words in ("HEAD~1:images/cat/1.jpg", "HEAD~1:./cat/1.jpg"):
        with Project.open(None) as project:
            assert b"".join(cat(project, words)) == b"cat 1"
    (here / "images/HEAD:x").write_bytes(b"a file of that name")
    track("add", "HEAD:x", cwd=here / "images").ok()
    with Project.open(None) as project:
        assert b"".join(cat(project, "HEAD:x")) == b"a file of that name"


@pytest.mark.parametrize("words", ["nope", "data/nope", "images/nope", "data/a.csv/x", "HEAD:nope", ":nope"])
def test_every_verb_refuses_what_is_not_there(here: Path, words: str) -> None:
    for verb in (listed, shown, content):
        with pytest.raises(UnknownPath):
            verb(here, words)
    with pytest.raises(UnknownPath):
        got(here, words, "out")


def test_every_verb_refuses_an_unknown_revision(here: Path) -> None:
    for verb in (listed, shown, content):
        with pytest.raises(UnknownRevision, match="nope"):
            verb(here, "nope:images")


def test_cat_gives_the_bytes_of_any_version(here: Path) -> None:
    assert content(here, "data/a.csv") == content(here, "HEAD:data/a.csv") == b"one\ntwo\n"
    assert content(here, "HEAD~1:data/a.csv") == content(here, "HEAD~1:data/a.csv.track") == b"one\n"
    assert content(here, "HEAD~1:images/cat/1.jpg") == b"cat 1"
    assert content(here, ":images/cat/1.jpg") == b"a better cat 1"
    assert content(here, "images/link") == b"../outside"
    assert content(here, os.fsdecode(b"images/\xff\nodd")) == b""
    assert content(here, "big.bin") == LARGE
    assert content(here, "score/best") == b'{"auc":0.9}\n'


@pytest.mark.parametrize("words", ["images", "images/cat", "images/empty", "HEAD:images"])
def test_cat_refuses_a_directory(here: Path, words: str) -> None:
    with pytest.raises(UsageError, match="is a directory"):
        content(here, words)


def objects(repo: Path) -> Path:
    return repo / ".git/track/store/objects"


def test_cat_names_the_object_that_is_missing_and_where_it_was_looked_for(here: Path) -> None:
    digest = digest_of(LARGE)
    (objects(here) / digest.hex()[:2] / digest.hex()[2:]).unlink()
    with pytest.raises(MissingObject) as caught:
        content(here, "HEAD:big.bin")
    text = "\n".join([caught.value.message, *caught.value.details, caught.value.hint or ""])
    for expected in (
        "`big.bin`",
        digest.short,
        "3,145,728",
        "big.bin.track at HEAD",
        "store (missing)",
        "track remote add",
    ):
        assert expected in text
    with pytest.raises(MissingObject):
        got(here, "big.bin", "out")
    assert not (here / "out").exists()


def test_missing_bytes_are_asked_for_at_the_remote_that_has_them(here: Path, tmp_path: Path) -> None:
    track("remote", "add", "shelf", str(tmp_path / "shelf"), cwd=here).ok()
    track("push", cwd=here).ok()
    digest = digest_of(LARGE)
    (objects(here) / digest.hex()[:2] / digest.hex()[2:]).unlink()
    with pytest.raises(MissingObject) as caught:
        content(here, "HEAD:big.bin")
    assert "remote shelf (has it)" in caught.value.details[1]
    assert caught.value.hint == "track fetch shelf HEAD -- big.bin"


def test_a_damaged_object_is_never_given(here: Path) -> None:
    digest = digest_of(LARGE)
    file = objects(here) / digest.hex()[:2] / digest.hex()[2:]
    file.chmod(0o644)
    file.write_bytes(bytes([LARGE[0] ^ 1]) + LARGE[1:])  # bytes at random may begin with any other
    with pytest.raises(DamagedObject):
        content(here, "big.bin")


def test_without_its_manifest_a_directory_is_named_and_not_opened(here: Path) -> None:
    for file in [*(here / ".git/track/store").glob("packs/*/*")]:
        file.unlink()
    for verb, words in (
        (listed, "images"),
        (shown, "images/cat/1.jpg"),
        (content, "images/cat/1.jpg"),
        (got, "images"),
    ):
        with pytest.raises(MissingObject, match="images"):
            verb(here, *((words, "out") if verb is got else (words,)))
    assert shown(here, "images").is_here is False
    assert not (here / "out").exists()


def test_show_says_what_the_pointer_says(here: Path) -> None:
    found = shown(here, "images")
    assert (found.where, found.path, found.pointer_path) == ("the working tree", b"images", b"images.track")
    assert (found.pointer.kind, found.pointer.files, found.pointer.labels) == ("directory", 6, {"by": "Ada"})
    assert (found.is_here, found.is_pushed, found.entry) == (True, None, None)
    inside = shown(here, "HEAD~1:images/cat/1.jpg")
    assert inside.entry is not None
    assert (inside.entry.size, inside.entry.digest) == (5, digest_of(b"cat 1"))
    assert shown(here, "score/best").name == "score/best"


def test_show_knows_what_is_at_a_remote(here: Path, tmp_path: Path) -> None:
    track("remote", "add", "shelf", str(tmp_path / "shelf"), cwd=here).ok()
    assert shown(here, "images").is_pushed is False
    track("push", cwd=here).ok()
    assert shown(here, "images").is_pushed is True


def test_get_copies_a_whole_version_with_modes_and_links(here: Path, tmp_path: Path) -> None:
    done = got(here, "HEAD~1:images", str(tmp_path / "out"))
    assert read_tree(tmp_path / "out") == TREE
    assert (done.kind, done.files, done.where) == ("directory", 6, "HEAD~1")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_get_copies_parts_files_links_and_values(here: Path, tmp_path: Path) -> None:
    got(here, "images/cat", str(tmp_path / "cats"))
    assert read_tree(tmp_path / "cats") == {b"1.jpg": b"a better cat 1", b"2.jpg": b"cat 2"}
    got(here, "images/run.sh", f"{tmp_path}/")
    assert read_tree(tmp_path)[b"run.sh"] == Executable(b"#!/bin/sh\n")
    got(here, "images/link", str(tmp_path / "a-link"))
    assert os.readlink(tmp_path / "a-link") == "../outside"
    got(here, "images/empty", str(tmp_path / "nothing"))
    assert list((tmp_path / "nothing").iterdir()) == []
    got(here, "big.bin", str(tmp_path / "big"))
    assert (tmp_path / "big").read_bytes() == LARGE
    got(here, "score/best", str(tmp_path / "score.json"))
    assert (tmp_path / "score.json").read_bytes() == b'{"auc":0.9}\n'


def test_get_replaces_no_device_and_no_pipe(here: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "stdout").symlink_to("pipe")
    (tmp_path / "null").symlink_to(os.devnull)
    for name in ("pipe", "stdout", "null"):
        for words in ("data/a.csv", "score/best"):
            with pytest.raises(Conflict, match=f"{name} is a device, a pipe or a socket and no file"):
                got(here, words, str(tmp_path / name), force=True)
    assert (tmp_path / "pipe").is_fifo() and (tmp_path / "stdout").is_symlink() and (tmp_path / "null").is_symlink()


def test_get_without_a_target_copies_here_under_its_own_name(here: Path) -> None:
    (here / "sub").mkdir()
    with Project.open(here / "sub") as project:
        get(project, "HEAD~1:data/a.csv")
    assert (here / "sub/a.csv").read_bytes() == b"one\n"


def test_get_overwrites_nothing_unless_forced_and_a_folder_never(here: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_bytes(b"mine")
    with pytest.raises(Conflict, match="is there already"):
        got(here, "data/a.csv", str(target))
    assert target.read_bytes() == b"mine"
    got(here, "data/a.csv", str(target), force=True)
    assert target.read_bytes() == b"one\ntwo\n"
    write_tree(tmp_path / "folder", {"mine": b"mine"})
    for force in (False, True):
        with pytest.raises(Conflict, match="files in it"):
            got(here, "images", str(tmp_path / "folder"), force=force)
    assert read_tree(tmp_path / "folder") == {b"mine": b"mine"}
    (tmp_path / "loose").symlink_to(tmp_path / "folder")
    with pytest.raises(Conflict, match="is there already"):
        got(here, "data/a.csv", str(tmp_path / "loose"))
    with pytest.raises(Conflict, match="files in it"):
        got(here, "images")


@pytest.mark.parametrize("target", [".git/x", ".git/track/store/x", ".store/x", ".track/x"])
def test_get_never_writes_among_gits_or_tracks_own_files(here: Path, target: str) -> None:
    with pytest.raises(OutsideRepository):
        got(here, "data/a.csv", target)


def test_get_needs_a_folder_to_write_in(here: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        got(here, "data/a.csv", str(tmp_path / "no/such/place"))
    with pytest.raises(UsageError, match="empty"):
        got(here, "data/a.csv", "")


def test_log_tells_each_version_with_what_it_changed(here: Path) -> None:
    second, first = logged(here, "images", stat=True).versions
    assert (second.op, second.subject, second.size_delta, second.files_delta) == ("M", "second", 9, 0)
    assert (second.counts, first.counts) == ((0, 1, 0), (7, 0, 0))
    assert (first.op, first.before, first.size_delta, first.files_delta) == ("A", None, 50, 6)
    assert second.before == first.pointer
    assert (second.author, second.email) == ("Ada Lovelace", "ada@example.org")
    assert [version.counts for version in logged(here, "data/a.csv.track").versions] == [None, None]
    assert len(logged(here, "images", "HEAD~1").versions) == 1


def test_log_compares_with_the_parent_and_not_with_the_other_branch(here: Path) -> None:
    git("switch", "--quiet", "-c", "side", "HEAD~1", cwd=here)
    track("checkout", cwd=here)
    (here / "data/a.csv").write_bytes(b"0123456789")
    track("add", "data/a.csv", cwd=here).ok()
    commit_all(here, "side")
    git("merge", "--quiet", "--strategy=ours", "main", "--message=both", cwd=here)
    deltas = {version.subject: version.size_delta for version in logged(here, "data/a.csv").versions}
    assert deltas["side"] == 6
    assert deltas["first"] == 4


def test_log_tells_of_removal_and_follows_a_rename(here: Path) -> None:
    git("mv", "images.track", "pictures.track", cwd=here)
    (here / "images").rename(here / "pictures")
    commit_all(here, "third")
    versions = logged(here, "pictures").versions
    assert [(version.op, version.path, version.renamed_from) for version in versions] == [
        ("R", b"pictures", b"images"),
        ("M", b"images", None),
        ("A", b"images", None),
    ]
    assert versions[0].size_delta == 0
    assert [version.op for version in logged(here, "pictures", follow=False).versions] == ["A"]
    git("rm", "--quiet", "data/a.csv.track", cwd=here)
    commit_all(here, "gone")
    assert [version.op for version in logged(here, "data/a.csv").versions] == ["D", "M", "A"]


def test_log_goes_on_behind_a_broken_version(here: Path) -> None:
    (here / "images.track").write_bytes(b"[artifact]\nbroken")
    commit_all(here, "broken")
    versions = log_of_raw(here)
    assert versions.versions[0].pointer is None
    assert "images.track" in (versions.versions[0].trouble or "")
    assert len(versions.versions) == 3


def log_of_raw(repo: Path) -> Logged:
    with Project.open(repo) as project:
        return log(project, "images", "HEAD")


def test_log_refuses_what_no_commit_has(here: Path) -> None:
    write_tree(here, {"new": b"new"})
    track("add", "new", cwd=here).ok()
    with pytest.raises(UnknownPath, match="new"):
        logged(here, "new")
    with pytest.raises(UnknownRevision):
        logged(here, "images", "nope")
    with pytest.raises(UnknownPath, match="is the whole working tree"):
        logged(here, ".")


def test_du_counts_each_content_once_and_says_what_is_shared(here: Path) -> None:
    write_tree(here, {"copy/1.jpg": b"cat 1", "copy/own": b"own bytes"})
    track("add", "copy", cwd=here).ok()
    commit_all(here, "third")
    found = {artifact.path: artifact for artifact in measured(here).artifacts}
    images = found[b"images"]
    assert (images.size, images.stored_size, images.shared_size, images.unique_size) == (59, 64, 5, 59)
    assert [(version.size, version.unique_size) for version in images.versions] == [(59, 14), (50, 0)]
    assert (found[b"copy"].shared_size, found[b"copy"].unique_size) == (5, 9)
    assert (found[b"data/a.csv"].stored_size, found[b"data/a.csv"].shared_size) == (12, 0)
    assert measured(here).stored_size == 64 + 9 + 12 + len(LARGE)
    assert [artifact.path for artifact in measured(here, "copy").artifacts] == [b"copy"]
    assert measured(here, "copy").artifacts[0] == found[b"copy"]
    with pytest.raises(UnknownPath):
        measured(here, "nope")


def test_du_counts_what_is_not_committed_and_says_what_it_cannot_know(here: Path) -> None:
    (here / "data/a.csv").write_bytes(b"three")
    track("add", "data/a.csv", cwd=here).ok()
    (data,) = measured(here, "data/a.csv").artifacts
    assert [(version.size, version.commit is None) for version in data.versions] == [(5, True), (8, False), (4, False)]
    for file in [*(here / ".git/track/store").glob("packs/*/*")]:
        file.unlink()
    (images,) = measured(here, "images").artifacts
    assert images.lacking_count == 2
    assert [version.unique_size for version in images.versions] == [None, None]


@pytest.mark.parametrize("what", ["data/a.csv", "images"])
def test_get_into_a_place_where_nothing_can_be_made_is_an_error_of_its_own(here: Path, what: str) -> None:
    done = track("get", what, "-o", "/proc/copy", cwd=here)
    assert done.code == 1 and "/proc" in done.err and "-o" in done.err
    done = track("get", what, "-o", "n" * 300, cwd=here)
    assert done.code == 1 and "too long" in done.err


def test_log_asks_git_as_often_for_twenty_versions_as_for_two(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []
    real = subprocess.Popen.__init__

    def counting(self: object, *args: object, **options: object) -> None:
        started.append(args)
        real(self, *args, **options)  # type: ignore[arg-type, call-overload]  # as given

    monkeypatch.setattr(subprocess.Popen, "__init__", counting)
    counts = []
    for number in (2, 20):
        while len(logged(here, "data/a.csv").versions) < number:
            (here / "data/a.csv").write_bytes(os.urandom(9))
            track("add", "data/a.csv", cwd=here).ok()
            commit_all(here)
        started.clear()
        found = logged(here, "data/a.csv")
        counts.append(len(started))
        assert all(after.before == older.pointer for after, older in pairwise(found.versions))
    assert counts[0] == counts[1] <= 12
