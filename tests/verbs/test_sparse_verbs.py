"""What verbs do in a sparse checkout, a partial clone, and both: nothing is lost, and what is not here is told."""

import shutil
import subprocess
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import write_tree
from track.model.pointer import parse_pointer


@pytest.fixture
def origin(repo: Path) -> Path:
    """a/one.csv, b/raw.csv with a label, b/sorted.csv that a run made of it, and the name rides; a second version."""
    track("init", cwd=repo).ok()
    write_tree(repo, {"a/one.csv": b"1\n", "b/raw.csv": b"b\n", "eu.csv": b"eu\n"})
    track("add", "-q", "a/one.csv", cwd=repo).ok()
    track("add", "-q", "b/raw.csv", "--label", "stage=raw", cwd=repo).ok()
    track("put", "-q", "rides", "eu.csv", "--partition", "region=eu", "--label", "k=v", cwd=repo).ok()
    commit_all(repo, "data")
    track(
        "run", "-q", "--name", "sort", "-o", "b/sorted.csv", "--", "sort", "b/raw.csv", "-o", "b/sorted.csv", cwd=repo
    )
    write_tree(repo, {"a/one.csv": b"11\n"})
    track("add", "-q", "a/one.csv", cwd=repo).ok()
    commit_all(repo, "more")
    git("config", "uploadpack.allowFilter", "true", cwd=repo)
    return repo


def _clone(origin: Path, target: Path, *words: str, is_sparse: bool) -> Path:
    git("clone", "-q", "--no-checkout", *words, origin.as_uri(), target, cwd=origin)
    if is_sparse:
        git("sparse-checkout", "set", "a", cwd=target)
    git("checkout", "-q", git("branch", "--show-current", cwd=origin).strip(), cwd=target)
    return target


@pytest.fixture
def sparse(origin: Path, tmp_path: Path) -> Path:
    return _clone(origin, tmp_path / "sparse", is_sparse=True)


@pytest.fixture
def both(origin: Path, tmp_path: Path) -> Path:
    return _clone(origin, tmp_path / "both", "--filter=blob:none", is_sparse=True)


def _staged(repo: Path) -> list[str]:
    return git("diff", "--cached", "--name-status", cwd=repo).splitlines()


def _labels(repo: Path, path: str) -> dict[str, object]:
    return dict(parse_pointer(git("show", f":{path}", cwd=repo).encode(), path.encode()).labels)


def test_an_artifact_that_is_left_out_keeps_its_labels_and_its_ignore_file(sparse: Path) -> None:
    write_tree(sparse, {"b/raw.csv": b"b\n"})
    assert "unchanged" in track("add", "b/raw.csv", cwd=sparse).ok().out
    assert _staged(sparse) == []
    write_tree(sparse, {"b/raw.csv": b"other\n"})
    track("add", "b/raw.csv", cwd=sparse).ok()
    assert _staged(sparse) == ["M\tb/raw.csv.track"]
    assert _labels(sparse, "b/raw.csv.track") == {"stage": "raw"}


def test_what_a_run_makes_where_its_pointer_is_left_out_is_its_output(sparse: Path) -> None:
    done = track("run", "-o", "b/raw.csv", "--", "sh", "-c", "mkdir -p b && echo new > b/raw.csv", cwd=sparse).ok()
    assert "its record is staged" in done.err
    assert "M\tb/raw.csv.track" in _staged(sparse) and not [line for line in _staged(sparse) if line[0] == "D"]
    assert _labels(sparse, "b/raw.csv.track") == {"stage": "raw"}


def test_named_artifacts_that_are_left_out_are_there(sparse: Path) -> None:
    write_tree(sparse, {"eu.csv": b"eu\n"})
    assert "unchanged" in track("put", "rides", "eu.csv", "--partition", "region=eu", cwd=sparse).ok().out
    assert _staged(sparse) == []
    assert "rides" in track("artifacts", "list", cwd=sparse).ok().out
    assert "label k" in track("show", "rides", cwd=sparse).ok().out
    track("label", "b/raw.csv", "more=yes", cwd=sparse).ok()
    assert _labels(sparse, "b/raw.csv.track") == {"stage": "raw", "more": "yes"}


def test_what_is_left_out_is_neither_gone_nor_unknown(sparse: Path) -> None:
    assert track("stale", cwd=sparse).ok().err == "nothing is stale: 1 artifact that runs made\n"
    assert "run sort" in track("why", "b/sorted.csv", cwd=sparse).ok().out
    assert "b/raw.csv" not in track("diff", cwd=sparse).out
    assert "b/raw.csv" in track("ls", cwd=sparse).ok().out
    track("rm", "b/raw.csv", cwd=sparse).ok()
    assert _staged(sparse) == ["D\tb/raw.csv.track"]


def test_with_both_what_is_not_here_is_told_and_nothing_is_lost(both: Path) -> None:
    done = track("status", cwd=both).ok()
    assert "git sparse-checkout add .track" in done.err and "a/one.csv" in done.out
    write_tree(both, {"b/raw.csv": b"other\n"})
    refused = track("add", "b/raw.csv", cwd=both)
    assert refused.code == 1 and "b/raw.csv.track is left out by this sparse checkout" in refused.err
    assert "git sparse-checkout add b" in refused.err
    shutil.rmtree(both / "b")
    refused = track("config", "--project", "core.remote", "other", cwd=both)
    assert refused.code == 1 and ".track/config.toml is left out" in refused.err
    assert _staged(both) == []
    assert "not looked at: 3 pointers and records" in track("stale", cwd=both).ok().err
    for words in (("ls",), ("find",), ("stale",), ("runs", "list"), ("log",), ("why", "a/one.csv")):
        track(*words, cwd=both).ok()
    for words in (
        ("diff", "HEAD~1"),
        ("gc", "-n"),
        ("push", "-n"),
        ("verify",),
        ("fetch", "--all"),
        ("import-lfs", "-n"),
    ):
        assert "fatal:" not in track(*words, cwd=both).err, words


@pytest.fixture
def partial(origin: Path, tmp_path: Path) -> Path:
    return _clone(origin, tmp_path / "partial", "--filter=blob:none", is_sparse=False)


def test_verify_goes_on_without_pointers_that_a_partial_clone_lacks_and_says_so(both: Path, partial: Path) -> None:
    for repo, words, count in (
        (both, (), 3),
        (both, ("--deep",), 3),
        (both, ("--history",), 4),
        (partial, ("--history",), 1),
    ):
        write_tree(repo, {"a/one.csv": b"11\n"})
        track("add", "a/one.csv", cwd=repo).ok()
        done = track("verify", *words, cwd=repo)
        what = f"{count} pointers and records" if count > 1 else "1 pointer or record"
        assert f"not in this partial clone, and so not looked at: {what}" in done.err, done.err
        assert "missing  a/one.csv" not in done.out and done.code in (0, 4)
        assert (repo == both) is (done.code == 0), done.out + done.err
        assert count == track("verify", *words, "--json", cwd=repo).json["absent"]


def test_verify_of_a_history_that_is_cut_says_so(origin: Path, tmp_path: Path) -> None:
    shallow = _clone(origin, tmp_path / "shallow", "--depth=1", is_sparse=False)
    assert "this clone is shallow" in track("verify", "--history", cwd=shallow).err
    assert "this clone is shallow" not in track("verify", cwd=shallow).err


def test_a_folder_that_is_left_out_is_pulled_when_it_is_named(origin: Path, sparse: Path, both: Path) -> None:
    track("remote", "add", "origin", "../remote", cwd=origin).ok()
    track("push", cwd=origin).ok()
    for repo in (sparse, both):
        track("remote", "add", "--clone", "origin", str(origin.parent / "remote"), cwd=repo).ok()
    track("pull", cwd=sparse).ok()
    assert not (sparse / "b").exists(), "nobody named it"
    track("pull", "b", cwd=sparse).ok()
    assert (sparse / "b/raw.csv").read_bytes() == b"b\n" and (sparse / "b/sorted.csv").exists()
    assert not git("status", "--short", cwd=sparse)
    track("fetch", "--", "b/sorted.csv", cwd=sparse).ok()
    assert 2 == track("pull", "b/nothing", cwd=sparse).code
    refused = track("pull", "b", cwd=both)
    assert refused.code == 1 and "git sparse-checkout add b" in refused.err


def test_an_artifact_whose_pointer_is_left_out_is_moved_and_moved_back(sparse: Path) -> None:
    write_tree(sparse, {"b/raw.csv": b"b\n"})
    assert "renamed" in track("mv", "b/raw.csv", "b/new.csv", cwd=sparse).ok().out
    assert _staged(sparse) == ["M\tb/.gitignore", "R100\tb/raw.csv.track\tb/new.csv.track"]
    assert _labels(sparse, "b/new.csv.track") == {"stage": "raw"}
    assert (sparse / "b/new.csv").read_bytes() == b"b\n" and not (sparse / "b/raw.csv").exists()
    step = track("restore", cwd=sparse).ok().out.split()[0]
    track("restore", step, cwd=sparse).ok()
    assert _staged(sparse) == []
    assert (sparse / "b/raw.csv").read_bytes() == b"b\n" and not (sparse / "b/new.csv").exists()


def test_du_of_a_partial_clone_counts_what_is_here_and_says_what_is_not(partial: Path) -> None:
    done = track("du", cwd=partial).ok()
    assert "a/one.csv" in done.out and "not looked at: 1 pointer or record" in done.err
    assert 1 == track("du", "--json", cwd=partial).ok().json["absent"]


@pytest.mark.parametrize("revs", [("HEAD~1", "HEAD"), ("HEAD~1",)])
def test_a_diff_in_a_partial_clone_says_how_git_brings_what_it_needs(partial: Path, revs: tuple[str, ...]) -> None:
    refused = track("diff", *revs, cwd=partial)
    assert refused.code == 1 and "1 pointer at `HEAD~1`" in refused.err, refused.err
    command = refused.err.partition("have Git bring them: ")[2].strip()
    subprocess.run(["sh", "-c", command], cwd=partial, check=True, stdout=subprocess.DEVNULL)
    assert "a/one.csv" in track("diff", *revs, cwd=partial).out


@pytest.mark.parametrize("content", [b"b\n", b"other\n"], ids=["as it was", "new"])
def test_a_claim_about_what_is_left_out_keeps_its_labels(sparse: Path, content: bytes) -> None:
    write_tree(sparse, {"b/raw.csv": content, "b/sorted.csv": b"b\n", "a/one.csv": b"11\n"})
    track("claim", "-i", "b/sorted.csv", "b/raw.csv", "--", "make", cwd=sparse).ok()
    pointers = [line for line in _staged(sparse) if line.endswith(".track")]
    assert pointers == ([] if content == b"b\n" else ["M\tb/raw.csv.track"])
    assert _labels(sparse, "b/raw.csv.track") == {"stage": "raw"}
    assert "$ make" in track("why", "b/raw.csv", cwd=sparse).ok().out


def test_data_whose_pointer_is_left_out_is_an_input(sparse: Path) -> None:
    write_tree(sparse, {"b/raw.csv": b"b\n"})
    track("run", "--name", "copy", "-o", "a/copy.csv", "--", "cp", "b/raw.csv", "a/copy.csv", cwd=sparse).ok()
    assert "b/raw.csv" in track("why", "a/copy.csv", cwd=sparse).ok().out
    track("run", "-i", "b/raw.csv", "-o", "a/two.csv", "--", "sh", "-c", "echo 2 > a/two.csv", cwd=sparse).ok()
    assert "b/raw.csv" in track("why", "a/two.csv", cwd=sparse).ok().out
    refused = track("run", "-i", "b/sorted.csv", "--", "true", cwd=sparse)
    assert refused.code == 2 and "b/sorted.csv" in refused.err
