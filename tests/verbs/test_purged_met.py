"""Whoever meets what was purged is told when, by whom and why; and nothing stores it again."""

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.sharing import cloned, files_below
from support.trees import write_tree
from track.model.digest import digest_of
from track.store.layout import PACKS

SECRET = b"a name and an address " * 40
BIG = random.Random(1).randbytes(1_500_000)
PIECE = BIG[700_000:704_000]
WORDS = ("was purged on 20", "by Ada Lovelace <ada@example.org>", "because: asked for")


@pytest.fixture
def here(repo: Path) -> Path:
    """Both artifacts of a project, purged, with their data still in the working tree."""
    track("init", cwd=repo).ok()
    track("remote", "add", "origin", "../origin", cwd=repo).ok()
    write_tree(repo, {"people/a": SECRET, "people/empty": b"", "big.bin": BIG, "table.csv": b"a,b\n"})
    track("add", "people", "big.bin", "table.csv", cwd=repo).ok()
    commit_all(repo, "first")
    track("push", cwd=repo).ok()
    for artifact in ("people", "big.bin"):
        track("purge", "--yes", artifact, "--because", "asked for", cwd=repo).ok()
    return repo


def is_stored(repo: Path) -> bool:
    content = b"".join(files_below(repo / ".git/track/store").values())
    return SECRET in content or PIECE in content


@pytest.mark.parametrize("in_chunks", [False, True])
@pytest.mark.parametrize("command", [
    ("add", "big.bin"),
    ("add", "people"),
    ("add", "people/a"),
    ("run", "-i", "big.bin", "-o", "out", "--", "cp", "big.bin", "out"),
    ("run", "-o", "copy", "--", "cp", "big.bin", "copy"),
    ("run", "--isolated", "-i", "people", "-o", "out", "--", "cp", "-r", "people", "out"),
    ("claim", "--input", "big.bin", "out", "--", "made", "up"),
    ("put", "copy", "big.bin"),
])  # fmt: skip
def test_nothing_stores_it_again(here: Path, command: tuple[str, ...], in_chunks: bool) -> None:
    track("config", "store.chunks", str(in_chunks).lower(), cwd=here).ok()
    write_tree(here, {"out": b"x"} if command[0] == "claim" else {})
    done = track(*command, cwd=here)
    assert done.code == 4 and all(word in done.err for word in WORDS), done.out + done.err
    assert not is_stored(here)


def test_many_small_files_that_several_processes_read_are_not_stored_again_either(here: Path) -> None:
    write_tree(here, {f"many/{number}": b"%d" % number for number in range(3000)} | {"many/secret": SECRET})
    done = track("add", "many", cwd=here)
    assert done.code == 4 and all(word in done.err for word in WORDS)
    assert not is_stored(here)


def test_who_asks_the_remotes_where_it_is_sees_everything_else(here: Path) -> None:
    """Its manifest is nowhere, and is not looked for."""
    write_tree(here, {"table.csv": b"a,b\n"})
    track("add", "table.csv", cwd=here).ok()
    done = track("whereis", "--fetch", cwd=here).ok()
    assert "table.csv" in done.out and "people/" in done.out and WORDS[0] in done.err


def test_an_input_that_was_only_seen_is_told_and_not_stored(here: Path) -> None:
    script = "open('out', 'w').write(str(len(open('big.bin', 'rb').read())))"
    done = track("run", "-o", "out", "--", "python3", "-c", script, cwd=here).ok()
    assert "`big.bin` is not kept: " in done.err and all(word in done.err for word in WORDS)
    assert not is_stored(here)


def test_a_copy_that_is_still_in_the_store_when_the_purge_becomes_known_is_not_called_unchanged(here: Path) -> None:
    clone = cloned(here)
    write_tree(clone, {"big.bin": BIG})
    track("trust", "--yes", cwd=clone).ok()
    track("add", "big.bin", cwd=clone).ok()
    assert track("push", cwd=clone).code == 4  # which learns of it
    done = track("add", "big.bin", cwd=clone)
    assert done.code == 4 and "`big.bin` is not kept: " in done.err and all(word in done.err for word in WORDS)


@pytest.mark.parametrize("command", [
    ("checkout",), ("checkout", "big.bin"), ("pull",), ("fetch",), ("get", "-o", "x", "HEAD:people"), ("verify",),
    ("du",), ("whereis",), ("status",), ("diff", "--stat", "HEAD"), ("cat", "big.bin"), ("ls", "people"),
    ("run", "-i", "people", "--", "true"), ("verify", "--remote", "origin"),
])  # fmt: skip
def test_whoever_asks_is_told(here: Path, command: tuple[str, ...]) -> None:
    shutil.rmtree(here / "people")
    (here / "big.bin").unlink()
    done = track(*command, cwd=here)
    assert all(word in done.out + done.err for word in WORDS), done.out + done.err
    assert "track pull" not in done.err and "track fetch" not in done.err


def test_what_only_moves_bytes_about_is_not_held_up_where_they_are_still_here(here: Path) -> None:
    clone = cloned(here)
    write_tree(clone, {"people/a": SECRET, "people/empty": b"", "big.bin": BIG})
    track("trust", "--yes", cwd=clone).ok()
    for artifact in ("people", "big.bin"):
        track("add", artifact, cwd=clone).ok()
    assert track("push", cwd=clone).code == 4  # which learns of it
    assert is_stored(clone)
    track("gc", "--grace", "0", cwd=clone).ok()
    track("verify", cwd=clone)
    track("rm", "--force", "people", cwd=clone).ok()
    track("restore", cwd=clone).ok()
    write_tree(clone, {"said": SECRET})
    track("run", "--", "cat", "said", cwd=clone).ok()


def test_only_what_was_purged_is_said_to_be_gone(here: Path) -> None:
    clone = cloned(here)
    track("fetch", cwd=clone)  # which learns of the purge
    shutil.rmtree(clone / ".git/track/store/packs")
    done = track("checkout", cwd=clone)
    assert done.code == 4 and "big.bin was purged on" in done.err and "for the rest: track pull" in done.err
    assert "table.csv: 1 object (4 bytes) is not here" in done.err


def test_an_artifact_with_an_at_sign_in_its_name(here: Path) -> None:
    write_tree(here, {"a@b.bin": BIG[:1_200_000]})
    track("add", "a@b.bin", cwd=here).ok()
    commit_all(here, "with an at sign")
    track("push", cwd=here)
    assert BIG[500_000:504_000] in b"".join(files_below(here.parent / "origin" / PACKS).values())
    done = track("purge", "--yes", "a@b.bin", "--because", "asked for", cwd=here).ok()
    assert "a@b.bin" in done.out
    assert BIG[500_000:504_000] not in b"".join(files_below(here.parent / "origin" / PACKS).values())
    track("purge", "--yes", "a@b.bin@HEAD", "--because", "asked for", cwd=here).ok()


def test_an_empty_file_is_not_among_what_was_purged(here: Path) -> None:
    write_tree(here, {"other/empty": b"", "other/x": b"x"})
    track("add", "other", cwd=here).ok()
    track("rm", "--cached", "people", "big.bin", cwd=here).ok()
    commit_all(here, "another")
    track("push", cwd=here).ok()


def test_the_purge_of_an_empty_file_does_not_talk_of_other_versions(here: Path) -> None:
    write_tree(here, {"nothing": b""})
    track("add", "nothing", cwd=here).ok()
    commit_all(here, "empty")
    done = track("purge", "--yes", "nothing", "--because", "asked for", cwd=here)
    assert done.code == 6 and "nothing has no bytes" in done.err, done.err


def test_an_empty_file_that_a_purge_named_before_is_stored_and_sent(here: Path) -> None:
    store, remote = here / ".git/track/store/tombstones", here.parent / "origin/tombstones"
    for path in (*store.iterdir(), *remote.iterdir()):
        path.chmod(0o600)
        path.write_text(path.read_text().replace("objects = [", f'objects = [\n  "{digest_of(b"").hex()}",'))
    test_an_empty_file_is_not_among_what_was_purged(here)


def test_an_empty_directory_is_not_among_what_was_purged(here: Path) -> None:
    (here / "nothing").mkdir()
    (here / "other").mkdir()
    track("add", "nothing", "other", cwd=here).ok()
    track("rm", "--cached", "people", "big.bin", cwd=here).ok()
    commit_all(here, "empty")
    done = track("purge", "--yes", "nothing", "--because", "asked for", cwd=here)
    assert done.code == 6 and "nothing has no bytes" in done.err, done.err
    track("push", cwd=here).ok()


def test_an_empty_directory_that_a_purge_named_before_is_stored_and_sent(here: Path) -> None:
    empty = digest_of(b"track-manifest 1 0\n").hex()
    for path in (*(here / ".git/track/store/tombstones").iterdir(), *(here.parent / "origin/tombstones").iterdir()):
        path.chmod(0o600)
        path.write_text(path.read_text().replace("objects = [", f'objects = [\n  "{empty}",'))
    test_an_empty_directory_is_not_among_what_was_purged(here)


def test_a_record_of_a_run_that_names_what_was_purged_is_pushed_without_it(here: Path) -> None:
    clone = cloned(here)
    write_tree(clone, {"people/a": SECRET, "people/empty": b"", "big.bin": BIG})
    track("trust", "--yes", cwd=clone).ok()
    for artifact in ("people", "big.bin"):
        track("add", artifact, cwd=clone).ok()
    for artifact in ("people", "big.bin"):
        track("run", "-i", artifact, "-o", f"{artifact}.out", "--", "sh", "-c", f"ls > {artifact}.out", cwd=clone).ok()
    track("rm", "--cached", "people", "big.bin", cwd=clone).ok()
    commit_all(clone, "runs")
    assert is_stored(clone)
    for _ in range(2):
        track("push", cwd=clone).ok()
    remote = b"".join(files_below(here.parent / "origin" / PACKS).values())
    assert SECRET not in remote and PIECE not in remote
    assert "has everything" in track("push", cwd=clone).ok().err + track("push", cwd=clone).out


def test_each_purge_is_told_with_what_went_with_it(here: Path) -> None:
    track("purge", "--yes", "table.csv", "--because", "another reason", cwd=here).ok()
    done = track("fetch", cwd=here)
    assert "big.bin was purged on 20" in done.err and "table.csv was purged on 20" in done.err
    assert "because: another reason; 1 object of what is wanted went with that" in done.err
    assert done.err.count("1 object of what is wanted") == 2 + done.err.count("people was purged"), done.err


def test_a_commit_of_a_pointer_at_what_was_purged_is_told_why_it_is_refused(here: Path) -> None:
    write_tree(here, {"new.csv": b"new"})
    track("hooks", "install", cwd=here).ok()
    track("add", "new.csv", cwd=here).ok()
    track("purge", "--yes", "new.csv", "--because", "asked for", cwd=here).ok()
    done = subprocess.run(["git", "commit", "-m", "x"], cwd=here, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "new.csv.track stands for data that was purged on 20" in done.stderr
    assert "track rm --cached new.csv" in done.stderr and "track add" not in done.stderr


def test_a_status_does_not_say_that_what_was_purged_can_be_brought(here: Path) -> None:
    (here / "big.bin").unlink()
    done = track("status", cwd=here).ok()
    assert "D missing  big.bin" in done.out and "track pull" not in done.out and "track checkout" not in done.out
    (here / "table.csv").unlink()
    assert "track checkout table.csv" in track("status", cwd=here).ok().out


@pytest.mark.parametrize("command", [("checkout", "big.bin"), ("rm", "big.bin")])
def test_a_working_copy_of_what_was_purged_is_not_told_to_be_added(here: Path, command: tuple[str, ...]) -> None:
    if command[0] == "checkout":
        (here / "big.bin.track").write_text((here / "table.csv.track").read_text())
    done = track(*command, cwd=here)
    assert done.code == 6 and all(word in done.err for word in WORDS), done.err
    assert "track add" not in done.err and "--force" in done.err
    track(command[0], "--force", *command[1:], cwd=here).ok()


def test_a_working_copy_of_what_was_purged_stays_with_a_word_why_when_git_moves_its_pointer(here: Path) -> None:
    track("hooks", "install", cwd=here).ok()
    git("checkout", "-q", "-b", "other", cwd=here)
    (here / "big.bin.track").write_text((here / "table.csv.track").read_text())
    commit_all(here, "another version")
    write_tree(here, {"big.bin": BIG})
    git("checkout", "-q", "main", cwd=here)
    done = subprocess.run(["git", "checkout", "other"], cwd=here, capture_output=True, text=True, check=False)
    assert "big.bin is left as it is: it was purged on 20" in done.stderr and "track add" not in done.stderr, (
        done.stderr
    )
    assert (here / "big.bin").read_bytes() == BIG


@pytest.mark.parametrize("isolated", [(), ("--isolated",)])
def test_what_else_a_run_made_is_kept(here: Path, isolated: tuple[str, ...]) -> None:
    command = 'echo weeks of work > a; cp "$0" b; echo more > c'
    outputs = ("-o", "a", "-o", "b", "-o", "c")
    done = track("run", *isolated, *outputs, "--", "sh", "-c", command, str(here / "big.bin"), cwd=here)
    assert done.code == 4 and all(word in done.err for word in WORDS), done.out + done.err
    assert (here / "a").read_text() == "weeks of work\n" and (here / "c.track").exists()
    assert not (here / "b.track").exists() and not is_stored(here)


def test_a_run_that_made_what_was_purged_later_is_reproduced(here: Path) -> None:
    track("run", "-o", "made", "--", "sh", "-c", "echo made > made", cwd=here).ok()
    run = track("runs", "list", cwd=here).out.split()[0]
    commit_all(here, "a run")
    track("purge", "--yes", "made", "--because", "asked for", cwd=here).ok()
    done = track("reproduce", run, cwd=here)
    assert done.code == 0 and "same" in done.out, done.out + done.err


@pytest.mark.parametrize("name", ["big.bin", "people/a"])
def test_an_edit_of_what_was_purged_is_not_taken_for_it(here: Path, name: str) -> None:
    track("hooks", "install", cwd=here).ok()
    write_tree(here, {"others/a": b"another"})
    track("add", "others", cwd=here).ok()
    commit_all(here, "others")
    git("checkout", "-q", "-b", "other", cwd=here)
    for artifact, another in (("big.bin", "table.csv"), ("people", "others")):
        (here / f"{artifact}.track").write_text((here / f"{another}.track").read_text())
    commit_all(here, "another version")
    write_tree(here, {"big.bin": BIG, "people/a": SECRET, "people/empty": b""})
    git("checkout", "-q", "main", cwd=here)
    write_tree(here, {name: b"weeks of work"})
    done = subprocess.run(["git", "checkout", "other"], cwd=here, capture_output=True, text=True, check=False)
    told = [line for line in done.stderr.splitlines() if line.startswith(f"track: {name} ")]
    assert told and "left as it is" in told[0] and "purged" not in told[0], done.stderr
