"""What the terminal adds to remote, push, fetch and pull: how names are read, and what is shown."""

from pathlib import Path

import pytest

from support.cli import track, track_here
from support.repositories import commit_all
from support.sharing import cloned, shared


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return shared(tmp_path)


def test_a_whole_round_trip_says_what_it_did(repo: Path) -> None:
    pushed = track("push", cwd=repo).ok()
    assert "data/  " in pushed.out and "model.bin  2.0 MiB  pushed" in pushed.out
    assert "9 objects" in pushed.err and "sent to origin (../remote)" in pushed.err
    again = track("push", cwd=repo).ok()
    assert again.out == "" and "origin (../remote) has everything: 3 artifacts" in again.err
    clone = cloned(repo)
    fetched = track("fetch", cwd=clone).ok()
    assert fetched.out == "" and "9 objects" in fetched.err and "fetched from origin (../remote)" in fetched.err
    assert "everything is here" in track("fetch", cwd=clone).ok().err
    pulled = track("pull", cwd=clone).ok()
    assert "table.csv  8 B  1 file placed" in pulled.out
    assert "everything is here and in place" in track("pull", cwd=clone).ok().err


def test_json_is_one_document(repo: Path) -> None:
    would = track_here("push", "-n", "--json", cwd=repo).ok().json
    assert (would["kind"], would["dry_run"], would["objects"], would["sent_bytes"]) == ("push", True, 9, 0)
    done = track_here("push", "--json", cwd=repo).ok().json
    assert {one["path"]: one["new"] for one in done["artifacts"]} == {
        "data": True,
        "model.bin": True,
        "table.csv": True,
    }
    clone = cloned(repo)
    assert track_here("fetch", "--json", cwd=clone).ok().json["objects"] == 9
    pulled = track_here("pull", "--json", cwd=clone).ok().json
    assert pulled["objects"] == 0 and [one["created"] for one in pulled["artifacts"]] == [6, 1, 1]
    remotes = track_here("remote", "list", "--json", cwd=clone).ok().json["remotes"]
    assert [(one["name"], one["url"], one["may_send"]) for one in remotes] == [("origin", "../remote", False)]


def test_names_before_and_paths_behind_the_dashes(repo: Path) -> None:
    only = track_here("push", "origin", "HEAD", "--", "table.csv", cwd=repo).ok()
    assert "table.csv" in only.out and "model.bin" not in only.out
    assert "model.bin" in track_here("push", "--", "model.bin", cwd=repo).ok().out
    clone = cloned(repo)
    track_here("fetch", "--", "table.csv", cwd=clone).ok()
    track_here("pull", "table.csv", cwd=clone).ok()
    assert (clone / "table.csv").exists() and not (clone / "model.bin").exists()


def test_a_path_where_a_remote_belongs_is_told_apart(repo: Path) -> None:
    done = track_here("push", "table.csv", cwd=repo)
    assert done.code == 2 and "track push -- table.csv" in done.err
    unknown = track_here("fetch", "nonesuch", cwd=repo)
    assert unknown.code == 5 and "known: origin" in unknown.err
    assert "did you mean origin ?" in track_here("fetch", "orign", cwd=repo).err


def test_a_dry_run_says_what_would_be(repo: Path) -> None:
    done = track_here("push", "--dry-run", cwd=repo).ok()
    assert "model.bin  2.0 MiB  would be sent" in done.out and "--dry-run" in done.err
    assert not (repo.parent / "remote/packs").exists()
    track_here("push", cwd=repo).ok()
    clone = cloned(repo)
    would = track_here("pull", "-n", cwd=clone).ok()
    assert "table.csv" in would.out and "would be fetched" in would.out
    assert not (clone / "table.csv").exists()


def test_remote_list_says_what_this_clone_may_do(repo: Path) -> None:
    assert track_here("remote", "list", cwd=repo).ok().out == "origin  ../remote  default\n"
    clone = cloned(repo)
    listed = track_here("remote", "list", cwd=clone).ok()
    assert "fetch only" in listed.out and "track trust origin" in listed.err
    assert "may use it now" in track_here("remote", "add", "origin", "../remote", cwd=clone).ok().out
    assert track_here("remote", "list", cwd=clone).ok().out == "origin  ../remote  default\n"


def test_no_remote_says_how_to_name_one(repo: Path) -> None:
    assert "removed; the data there stays" in track_here("remote", "remove", "origin", cwd=repo).ok().out
    assert "track remote add origin" in track_here("remote", "list", cwd=repo).ok().err
    done = track_here("push", cwd=repo)
    assert done.code == 5 and "track remote add origin" in done.err


def test_what_is_damaged_is_exit_code_seven(repo: Path) -> None:
    track_here("push", cwd=repo).ok()
    commit_all(repo, "remote")
    for path in (repo.parent / "remote/packs").rglob("*.pack"):
        content = bytearray(path.read_bytes())
        content[content.find(b"a,b\n1,2\n")] ^= 1
        path.chmod(0o644)
        path.write_bytes(bytes(content))
    done = track_here("pull", cwd=cloned(repo))
    assert done.code == 7 and "table.csv" in done.err and "track repair --remote origin" in done.err
