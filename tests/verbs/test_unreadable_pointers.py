"""A pointer that cannot be read stops nothing but itself: all others are handled, and the error names it at the end."""

from collections.abc import Callable
from pathlib import Path

import pytest

from support.cli import Completed
from support.cli import track_here as track
from support.repositories import commit_all, git
from support.sharing import cloned, consented, opened, shared
from track.errors import ConflictedPointer, MalformedPointer, NewerFormat, TrackError, naming_too, together
from track.flows.reach import versions
from track.verbs.push import push

Break = Callable[[str], str]
TROUBLES: dict[str, tuple[Break, int, str, str]] = {
    "malformed": (lambda text: text.replace("size = ", "size = -"), 7, "model.bin.track, line 4", "git checkout"),
    "newer": (
        lambda text: text.replace("[artifact]", "[artifact]\nformat = 9"),
        3,
        "model.bin.track, line 2",
        "upgrade",
    ),
    "conflict": (
        lambda text: f"[artifact]\n<<<<<<< ours\n{text[11:]}=======\n{text[11:]}>>>>>>> theirs\n",
        6,
        "model.bin.track, line 2",
        "track merge model.bin.track --take ours",
    ),
}


@pytest.fixture(params=list(TROUBLES))
def trouble(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Three artifacts, pushed."""
    repo = shared(tmp_path)
    track("push", cwd=repo).ok()
    return repo


def spoil(repo: Path, trouble: str) -> None:
    pointer = repo / "model.bin.track"
    pointer.write_text(TROUBLES[trouble][0](pointer.read_text()))


def refused(done: Completed, trouble: str) -> Completed:
    """It ended with the error of the bad pointer, which is named with what to do."""
    _, code, where, next_step = TROUBLES[trouble]
    assert done.code == code, done
    assert where in done.err and next_step in done.err, done
    return done


def test_checkout_places_all_others(repo: Path, trouble: str) -> None:
    spoil(repo, trouble)
    (repo / "table.csv").unlink()
    refused(track("checkout", cwd=repo), trouble)
    assert (repo / "table.csv").read_bytes() == b"a,b\n1,2\n"
    (repo / "table.csv").unlink()
    track("checkout", "table.csv", cwd=repo).ok()
    refused(track("checkout", "model.bin", cwd=repo), trouble)
    refused(track("checkout", "model.bin", "table.csv", cwd=repo), trouble)


def test_checkout_of_a_revision_places_all_others(repo: Path, trouble: str) -> None:
    spoil(repo, trouble)
    commit_all(repo, "broken")
    (repo / "table.csv").unlink()
    done = track("checkout", "HEAD", cwd=repo)
    assert done.code == TROUBLES[trouble][1] and "(at main)" in done.err, done
    assert (repo / "table.csv").exists()


def test_pull_and_fetch_bring_all_others(repo: Path, trouble: str) -> None:
    spoil(repo, trouble)
    commit_all(repo, "broken")
    clone = cloned(repo)
    refused(track("fetch", cwd=clone), trouble)
    refused(track("pull", cwd=clone), trouble)
    assert (clone / "table.csv").read_bytes() == b"a,b\n1,2\n" and (clone / "data/a.txt").exists()
    assert not (clone / "model.bin").exists()
    track("pull", "table.csv", cwd=clone).ok()
    refused(track("pull", "model.bin", cwd=clone), trouble)


def test_clone_brings_all_others(repo: Path, trouble: str) -> None:
    spoil(repo, trouble)
    commit_all(repo, "broken")
    refused(track("clone", str(repo), "other", cwd=repo.parent), trouble)
    assert (repo.parent / "other/table.csv").read_bytes() == b"a,b\n1,2\n"


def test_push_sends_all_others(repo: Path, trouble: str) -> None:
    (repo / "table.csv").write_bytes(b"a,b\n3,4\n")
    track("add", "table.csv", cwd=repo).ok()
    spoil(repo, trouble)
    commit_all(repo, "broken")
    done = track("push", cwd=repo)
    assert done.code == TROUBLES[trouble][1] and "model.bin.track" in done.err, done
    assert "table.csv" in done.out
    with opened(consented(cloned(repo))) as project:
        assert push(project, paths=[str(project.root / "table.csv")]).is_up_to_date
    assert track("push", "--", "model.bin", cwd=repo).code == TROUBLES[trouble][1]


def test_what_asks_shows_all_others(repo: Path, trouble: str) -> None:
    spoil(repo, trouble)
    (repo / "table.csv").write_bytes(b"a,b\n3,4\n")
    assert "table.csv" in refused(track("status", cwd=repo), trouble).out
    assert "table.csv" in refused(track("status", "--porcelain", cwd=repo), trouble).out
    assert "table.csv" in refused(track("ls", cwd=repo), trouble).out
    assert "table.csv" in refused(track("diff", cwd=repo), trouble).out
    assert "table.csv" in refused(track("du", cwd=repo), trouble).out
    for verb in ("status", "ls", "diff", "du", "log", "show"):
        assert track(verb, "table.csv", cwd=repo).code == 0, verb
    for verb in ("status", "ls", "diff", "du", "show"):
        refused(track(verb, "model.bin", cwd=repo), trouble)
    assert track("log", "model.bin", cwd=repo).code == 0  # every version in the history can be read


def test_du_counts_what_history_has_beside_a_version_that_cannot_be_read(repo: Path, trouble: str) -> None:
    text = (repo / "model.bin.track").read_text()
    spoil(repo, trouble)
    commit_all(repo, "broken")
    (repo / "model.bin.track").write_text(text)
    commit_all(repo, "mended")
    assert "model.bin" in track("du", cwd=repo).ok().out


def test_a_bad_pointer_in_the_index_is_said_to_be_there(repo: Path) -> None:
    spoil(repo, "malformed")
    git("add", "model.bin.track", cwd=repo)
    with opened(repo) as project:
        reached = versions(project, ("refs/heads/main", "index"))
    assert {version.path for version in reached.versions} == {b"data", b"model.bin", b"table.csv"}
    assert [type(error) for error in reached.refused] == [MalformedPointer]
    assert "index" in reached.refused[0].message


def test_the_error_of_several_has_the_highest_code_and_names_all(repo: Path) -> None:
    errors = [NewerFormat("a is new", hint="upgrade"), MalformedPointer("b is bad"), ConflictedPointer("c is both")]
    worst = together(errors)
    assert worst is errors[1] and worst.exit_code == 7
    assert worst.details == ("and a is new", "  hint: upgrade", "and c is both")
    with pytest.raises(MalformedPointer) as raised, naming_too([MalformedPointer("b")]):
        raise TrackError("not reached")
    assert "not reached" in "".join(raised.value.details)


def test_a_remote_that_fails_is_said_beside_a_pointer_that_cannot_be_read(repo: Path) -> None:
    spoil(repo, "malformed")
    commit_all(repo, "broken")
    clone = cloned(repo)
    (repo.parent / "remote").rename(repo.parent / "gone")
    done = track("pull", cwd=clone)
    assert done.code == 7 and "model.bin.track" in done.err and "remote" in done.err, done


@pytest.mark.parametrize("command", ["checkout", "pull", "verify", "stale"])
def test_a_pointer_that_was_overwritten_is_told_and_all_others_are_handled(repo: Path, command: str) -> None:
    clone = consented(cloned(repo)) if command in ("checkout", "pull") else repo
    if command == "checkout":
        track("fetch", cwd=clone).ok()
    (clone / "model.bin.track").write_bytes(b"notes of mine\n")
    (clone / "song.track").write_bytes(b"somebody else's\n")
    done = track(command, cwd=clone)
    assert done.code == 7 and "song.track" not in done.err + done.out, done
    assert "model.bin.track was a pointer and is none any more" in done.err + done.out
    assert "git checkout HEAD -- model.bin.track" in done.err + done.out
    assert (clone / "table.csv").read_bytes() == b"a,b\n1,2\n"
    (clone / "model.bin.track").unlink()
    git("checkout", "HEAD", "--", "model.bin.track", cwd=clone)
    track(command, cwd=clone).ok()


@pytest.mark.parametrize("command", ["checkout", "pull", "verify"])
def test_an_overwritten_pointer_that_was_asked_for_is_the_error(repo: Path, command: str) -> None:
    (repo / "model.bin.track").write_bytes(b"notes of mine\n")
    done = track(command, "--", "model.bin", cwd=repo)
    assert done.code == 7 and "was a pointer and is none any more" in done.err + done.out
    track(command, "--", "table.csv", cwd=repo).ok()


@pytest.mark.parametrize("name", ["table.csv", "data"])
def test_a_pointer_with_another_size_than_its_content_is_told_by_status_and_doctor(repo: Path, name: str) -> None:
    pointer = repo / f"{name}.track"
    text = pointer.read_text()
    pointer.write_text("\n".join("size = 7" if line.startswith("size") else line for line in text.split("\n")))
    done = track("status", cwd=repo)
    assert done.code == 7 and f"{name}.track says " in done.err and f"git checkout HEAD -- {name}.track" in done.err
    done = track("doctor", cwd=repo)
    assert done.code == 1 and f"{name}.track says " in done.out and f"git checkout HEAD -- {name}.track" in done.err
    git("checkout", "HEAD", "--", f"{name}.track", cwd=repo)
    track("status", cwd=repo).ok()
    (repo / name).rename(repo / "elsewhere")
    track("status", cwd=repo).ok()
