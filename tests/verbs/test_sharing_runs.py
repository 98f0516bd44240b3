"""Runs that no commit has are shared through a remote: another clone sees them, with what they logged and named."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.cli import track_here
from support.repositories import commit_all, git
from support.sharing import cloned, consented, opened, shared
from track.errors import DamagedObject, RemoteError, UnknownRun, UsageError
from track.flows.run_find import Found, every_run, find_run
from track.flows.run_living import say_points
from track.flows.run_start import Wishes, begin
from track.model.record import Record
from track.model.shared_runs import WITHDRAWN
from track.store.backends.folder import FolderPlace, open_folder
from track.store.layout import RUNS, withdrawn_key
from track.verbs.events import events
from track.verbs.fetch import fetch
from track.verbs.gc import gc
from track.verbs.metrics_show import metrics_show
from track.verbs.push import Pushed, push
from track.verbs.run import Asked, run
from track.verbs.runs_close import runs_close
from track.verbs.runs_drop import runs_drop
from track.verbs.runs_keep import runs_keep


@pytest.fixture
def here(tmp_path: Path) -> Path:
    repo = shared(tmp_path)
    track_here("push", cwd=repo).ok()
    return repo


def execute(here: Path, name: str, script: str = "echo made > out.txt", keep: bool = False) -> Record:
    with opened(here) as project:
        asked = Asked(outputs=("out.txt",), keep=keep)
        command = ("sh", "-c", script)
        return run(project, command, Wishes(name=name), asked, echo=lambda number, block: None).record


def share(here: Path, dry_run: bool = False) -> Pushed:
    with opened(here) as project:
        return push(project, runs=True, dry_run=dry_run)


def bring(clone: Path, dry_run: bool = False) -> dict[str, Found]:
    """What a clone sees of others' runs, by name."""
    with opened(clone) as project:
        fetch(project, runs=True, dry_run=dry_run)
        return {one.record.name: one for one in every_run(project).found if one.place == "shared"}


def files_there(here: Path) -> list[str]:
    return sorted(one.key for one in open_folder(here.parent / "remote").list(RUNS))


def test_another_clone_sees_runs_that_were_never_committed(here: Path) -> None:
    record = execute(here, "first")
    living = track_here("runs", "create", "--name", "second", "--start", cwd=here).ok().out.strip()
    track_here("log", "metric", "--run", living, "loss=0.5", cwd=here).ok()
    track_here("log", "event", "--run", living, "half way", cwd=here).ok()
    assert share(here, dry_run=True).shared_runs_count == 2 and not files_there(here)
    assert share(here).shared_runs_count == 2
    clone = cloned(here)
    assert bring(clone, dry_run=True) == {}
    found = bring(clone)
    assert set(found) == {"first", "second"} and found["first"].record == record
    assert found["second"].status == "running" and found["second"].seen is not None and found["first"].seen is None
    with opened(clone) as project:
        assert list(metrics_show(project, "second", fetch=True).points["loss"].values) == [0.5]
        assert [event.text for event in events(project, "second", fetch=True).events] == ["half way"]
    code = track_here("code", "first", "--fetch", "-o", "as-it-was", cwd=clone).ok()
    assert code and (clone / "as-it-was").is_dir()
    shown = track_here("runs", "list", "--shared", cwd=clone).ok().out
    assert "first" in shown and "shared at origin" in shown and ", seen 20" in shown


def test_what_lives_is_seen_as_it_is_by_now_and_as_ended_in_the_end(here: Path) -> None:
    with opened(here) as project:
        living = begin(project, Wishes(name="long"))
        say_points(living, {"loss": 2.0})
    share(here)
    assert share(here).shared_runs_count == 0 and share(here).is_up_to_date
    with opened(here) as project:
        say_points(living, {"loss": 1.0})
    assert share(here).shared_runs_count == 1
    clone = cloned(here)
    assert bring(clone)["long"].record.metrics["loss"].count == 2
    with opened(here) as project:
        say_points(living, {"loss": 0.5})
        ended = runs_close(project, living.id, status="completed").record
    share(here)
    assert bring(clone)["long"].record == ended


def test_runs_that_git_brings_anyway_are_not_shared_and_stand_once(here: Path) -> None:
    record = execute(here, "kept", keep=True)
    assert share(here, dry_run=True).shared_runs_count == 1  # nobody else has the commit
    share(here)
    commit_all(here, "kept")
    clone = cloned(here)
    assert bring(clone) == {}
    with opened(clone) as project:
        assert [one.record for one in every_run(project).found] == [record]
    consented(clone)
    execute(clone, "of the clone", keep=True)
    commit_all(clone, "of the clone")
    git("push", "--quiet", "--no-verify", "origin", "HEAD:refs/heads/side", cwd=clone)
    assert share(clone, dry_run=True).shared_runs_count == 0


def test_a_run_of_somebody_else_is_kept_here_and_neither_dropped_nor_logged_to(here: Path) -> None:
    record = execute(here, "first")
    with opened(here) as project:
        living = begin(project, Wishes(name="second"))
    share(here)
    clone = cloned(here)
    bring(clone)
    with opened(clone) as project:
        with pytest.raises(UsageError, match="shared at `origin`"):
            runs_drop(project, ["first"])
        with pytest.raises(UsageError, match="has not ended"):
            runs_keep(project, ["second"])
        assert runs_keep(project, ["first"]).runs == (record,)
    logged = track_here("log", "metric", "--run", "second", "x=1", cwd=clone)
    assert logged.code == 2 and "lives in another clone" in logged.err
    assert living.folder.is_dir()


def test_collections_keep_what_shared_runs_name_wherever_they_run(here: Path) -> None:
    record = execute(here, "first")
    with opened(here) as project:
        living = begin(project, Wishes(name="second"))
    share(here)
    with opened(here) as project:
        say_points(living, {"loss": 2.0})
    share(here)  # the series is alone in its pack, so that a collection could take it
    clone = consented(cloned(here))
    bring(clone)
    for repo in (clone, here):
        for _ in range(3):
            _age(here.parent / "remote")
            track_here("gc", "--remote", cwd=repo).ok()
    with opened(here) as project:
        gc(project, grace_days=0)
    late = cloned(here, "late")
    found = bring(late)
    with opened(late) as project:
        assert metrics_show(project, "second", fetch=True).points["loss"].values[0] == 2.0
        output = record.of("output")[0]
        assert found["first"].record.of("output")[0] == output
    track_here("code", "first", "--fetch", "-o", "code", cwd=late).ok()


def test_two_clones_share_at_once_and_both_are_seen(here: Path) -> None:
    clone = consented(cloned(here))
    for number in range(3):
        execute(here, f"here-{number}")
        execute(clone, f"there-{number}")
        pushes = [
            subprocess.Popen([sys.executable, "-m", "track", "push", "--runs", "-q"], cwd=repo)
            for repo in (here, clone)
        ]
        assert [one.wait(240) for one in pushes] == [0, 0]
    late = cloned(here, "late")
    assert set(bring(late)) == {f"{side}-{number}" for side in ("here", "there") for number in range(3)}
    assert set(bring(here)) == {f"there-{number}" for number in range(3)}


def test_many_small_files_of_one_clone_become_one(here: Path) -> None:
    with opened(here) as project:
        living = begin(project, Wishes(name="long"))
    clone = cloned(here)
    for number in range(18):
        with opened(here) as project:
            say_points(living, {"loss": float(number)})
        share(here)
        if number == 3:
            bring(clone)
    assert len(files_there(here)) == 2
    assert bring(clone)["long"].record.metrics["loss"].last == 17.0
    with opened(clone) as project:
        assert len(list((project.state / "shared/origin").iterdir())) == 2


@pytest.mark.parametrize("left", [0, 100])
def test_a_copy_that_a_power_cut_tore_is_brought_again_and_loses_no_run(here: Path, left: int) -> None:
    record = execute(here, "first")
    share(here)
    with opened(here) as project:
        runs_drop(project, [record.id])
        living = begin(project, Wishes(name="long"))
    os.truncate(next((here / ".git" / "track" / "shared" / "origin").iterdir()), left)
    for number in range(16):
        with opened(here) as project:
            say_points(living, {"loss": float(number)})
        share(here)
    assert len(files_there(here)) == 1
    clone = cloned(here)
    assert set(bring(clone)) == {"first", "long"}
    os.truncate(next((clone / ".git" / "track" / "shared" / "origin").iterdir()), left)
    assert set(bring(clone)) == {"first", "long"}


def test_what_is_damaged_or_of_somebody_else_there_is_named_and_hides_nothing(here: Path) -> None:
    execute(here, "first")
    share(here)
    place = open_folder(here.parent / "remote")
    good = files_there(here)[0]
    other = f"{RUNS}{'a' * 32}/00000001-00000000"
    place.put(other, place.get(good)[:-3])
    place.put(f"{RUNS}{'a' * 32}/strange", b"?")
    clone = cloned(here)
    with opened(clone) as project, pytest.raises(DamagedObject, match=other):
        fetch(project, runs=True)
    assert track_here("runs", "list", cwd=clone).ok().out.count("first") == 1
    place.put(other, place.get(good).replace(b"track-runs 1", b"track-runs 2"))
    assert track_here("fetch", "--runs", cwd=clone).code == 3
    place.put(other, b"anything")
    assert track_here("fetch", "--runs", cwd=clone).code == 7
    next((clone / ".git/track/shared/origin").iterdir()).write_bytes(b"run nonsense")
    listed = track_here("runs", "list", cwd=clone)
    assert listed.code == 7 and "fetch --runs" in listed.err


def test_without_a_remote_it_says_so(repo: Path) -> None:
    track_here("init", cwd=repo).ok()
    for command in (("push", "--runs"), ("fetch", "--runs"), ("pull", "--runs")):
        told = track_here(*command, cwd=repo)
        assert told.code == 5 and "no remote" in told.err, command


def test_purged_data_of_a_shared_run_goes_and_the_run_stays_seen(here: Path) -> None:
    (here / "secret.bin").write_bytes(os.urandom(100_000))
    track_here("add", "secret.bin", cwd=here).ok()
    record = execute(here, "first", "cat secret.bin > /dev/null; echo made > out.txt")
    digest = next(used.digest for used in record.of("input") if used.path == b"secret.bin")
    share(here)
    track_here("purge", "secret.bin", "--yes", "--because", "personal", cwd=here).ok()
    with opened(here) as project:
        assert project.store.absent([bytes(digest)])
    execute(here, "second", "echo other > out.txt")
    again = track_here("push", "--runs", cwd=here)
    assert "1 run  shared" in again.out, again.err
    clone = cloned(here)
    assert set(bring(clone)) == {"first", "second"}


def test_removing_the_remote_forgets_what_was_shared_there(here: Path) -> None:
    execute(here, "first")
    share(here)
    clone = cloned(here)
    bring(clone)
    track_here("remote", "add", "other", "../other", cwd=clone).ok()
    track_here("remote", "remove", "origin", cwd=clone).ok()
    with opened(clone) as project, pytest.raises(UnknownRun):
        find_run(project, "first")


def _age(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            then = path.stat().st_mtime - 2 * 86_400
            os.utime(path, (then, then))


def test_what_was_shared_is_taken_back_and_stays_so(here: Path) -> None:
    first = execute(here, "first")
    execute(here, "second")
    share(here)
    copy = here.parent / "copy"
    shutil.copytree(here, copy, symlinks=True)
    clone = cloned(here)
    assert set(bring(clone)) == {"first", "second"}
    assert "would be taken back" in track_here("runs", "unshare", "-n", "first", cwd=here).ok().out
    assert set(bring(clone)) == {"first", "second"}
    assert "taken back" in track_here("runs", "unshare", "first", cwd=here).ok().out
    assert set(bring(clone)) == {"second"}
    track_here("runs", "unshare", "first", cwd=here).ok()  # again, as after a kill
    execute(here, "third")
    share(here)
    assert set(bring(clone)) == {"second", "third"}
    consented(copy)
    execute(copy, "fourth")
    share(copy)
    assert "first" not in set(bring(clone))
    track_here("runs", "unshare", "--undo", "first", cwd=here).ok()
    share(here)
    assert {"first", "second", "third"} <= set(bring(clone)) and bring(clone)["first"].record == first


def test_a_file_that_still_has_a_run_which_was_taken_back_shows_it_to_nobody(here: Path) -> None:
    record = execute(here, "first")
    execute(here, "second")
    share(here)
    place = open_folder(here.parent / "remote")
    (key,) = files_there(here)
    place.put(withdrawn_key(key.split("/")[1], record.id), WITHDRAWN)  # and then it was killed
    clone = cloned(here)
    assert set(bring(clone)) == {"second"}
    track_here("runs", "unshare", "first", cwd=here).ok()
    assert key not in files_there(here) and set(bring(clone)) == {"second"}


def test_only_what_this_clone_shared_is_taken_back(here: Path) -> None:
    record = execute(here, "first")
    refused = track_here("runs", "unshare", "first", cwd=here)
    assert refused.code == 2 and "was not shared by this clone" in refused.err
    share(here)
    clone = cloned(here)
    bring(clone)
    consented(clone)
    refused = track_here("runs", "unshare", "first", cwd=clone)
    assert refused.code == 2 and "was not shared by this clone" in refused.err
    assert track_here("runs", "unshare", "nobody", cwd=here).code == 2
    assert track_here("runs", "unshare", "--undo", "first", cwd=here).code == 2
    assert track_here("runs", "unshare", "first", "--remote", "none", cwd=here).code == 5
    assert set(bring(clone)) == {"first"} and record.id


def test_a_damaged_file_of_ones_own_stops_nothing_and_its_runs_are_said_anew(here: Path) -> None:
    execute(here, "first")
    share(here)
    place = open_folder(here.parent / "remote")
    (key,) = files_there(here)
    place.put(key, place.get(key)[:-3])
    shutil.rmtree(here / ".git/track/shared")  # which may be deleted at any time
    execute(here, "second")
    told = track_here("push", "--runs", cwd=here).ok()
    assert key in told.err and "2 runs  shared" in told.out
    (aside,) = [one.key for one in place.list("quarantine/")]
    assert aside in told.err and key not in files_there(here)
    assert set(bring(cloned(here))) == {"first", "second"}
    assert "damaged" not in track_here("push", "--runs", cwd=here).ok().err


def test_a_damaged_file_of_ones_own_is_put_aside_when_there_is_nothing_to_share(here: Path) -> None:
    execute(here, "first")
    share(here)
    place = open_folder(here.parent / "remote")
    (key,) = files_there(here)
    place.put(key, b"anything")
    shutil.rmtree(here / ".git/track/shared")
    track_here("runs", "drop", "first", cwd=here).ok()
    told = json.loads(track_here("push", "--runs", "--json", cwd=here).ok().out)
    assert [one["file"] for one in told["damaged_runs"]] == [key] and not files_there(here)
    assert bring(cloned(here)) == {}


def test_what_a_later_version_shared_from_this_clone_is_left_alone(here: Path) -> None:
    execute(here, "first")
    share(here)
    place = open_folder(here.parent / "remote")
    (key,) = files_there(here)
    place.put(key, place.get(key).replace(b"track-runs 1", b"track-runs 2"))
    shutil.rmtree(here / ".git/track/shared")
    execute(here, "second")
    for command in (("push", "--runs"), ("runs", "unshare", "first")):
        refused = track_here(*command, cwd=here)
        assert refused.code == 3 and "upgrade" in refused.err, command
    assert files_there(here) == [key]


def test_a_run_in_a_damaged_file_is_taken_back_all_the_same(here: Path) -> None:
    execute(here, "first")
    share(here)
    copy = here.parent / "copy"
    shutil.copytree(here, copy, symlinks=True)
    place = open_folder(here.parent / "remote")
    (key,) = files_there(here)
    place.put(key, b"anything")
    shutil.rmtree(here / ".git/track/shared")
    track_here("runs", "unshare", "first", cwd=here).ok()
    assert key not in files_there(here)
    consented(copy)
    execute(copy, "second")
    share(copy)
    assert set(bring(cloned(here))) == {"second"}


def test_a_repair_that_breaks_off_leaves_a_file_of_shared_runs_to_be_repaired(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were it gone, the next fetch would drop its text from the clone that may have the last of it."""
    execute(here, "first")
    share(here)
    clone = consented(cloned(here))
    bring(clone)
    place = open_folder(here.parent / "remote")
    (key,) = files_there(here)
    place.put(key, place.get(key)[:-3])

    put = FolderPlace.put

    def break_off(place: FolderPlace, key: str, data: bytes) -> None:
        if key.startswith(RUNS):
            raise RemoteError("the connection broke off")
        put(place, key, data)

    with monkeypatch.context() as broken:
        broken.setattr(FolderPlace, "put", break_off)
        assert track_here("repair", "--remote", "origin", cwd=clone).code == 5
    assert set(bring(clone)) == {"first"}
    track_here("repair", "--remote", "origin", cwd=clone).ok()
    assert set(bring(cloned(here, "third"))) == {"first"}


def test_a_repair_puts_shared_runs_right_in_any_clone_that_has_seen_them(here: Path) -> None:
    execute(here, "first")
    share(here)
    clone = consented(cloned(here))
    bring(clone)
    place = open_folder(here.parent / "remote")
    (key,) = files_there(here)
    place.put(key, place.get(key)[:-3])
    told = track_here("verify", "--remote", "origin", cwd=clone)
    assert told.code == 7 and "track repair --remote origin" in told.out + told.err
    assert key in track_here("repair", "--remote", "origin", "-n", cwd=clone).ok().out
    assert track_here("verify", "--remote", "origin", cwd=clone).code == 7
    track_here("repair", "--remote", "origin", cwd=clone).ok()
    track_here("verify", "--remote", "origin", cwd=clone).ok()
    assert len(list(place.list("quarantine/"))) == 1 and set(bring(cloned(here, "third"))) == {"first"}
    place.put(key, b"anything")
    stranger = consented(cloned(here, "fourth"))
    lost = track_here("repair", "--remote", "origin", cwd=stranger)
    assert lost.code == 7 and key in lost.out and files_there(here) == [key]


def test_verifying_a_remote_looks_at_shared_runs(here: Path) -> None:
    execute(here, "first")
    share(here)
    track_here("verify", "--remote", "origin", cwd=here).ok()
    place = open_folder(here.parent / "remote")
    (key,) = files_there(here)
    good = place.get(key)
    place.put(key, good[:-3])
    told = track_here("verify", "--remote", "origin", cwd=here)
    assert told.code == 7 and key in told.out + told.err
    place.put(key, good.replace(b"track-runs 1", b"track-runs 2"))
    assert track_here("verify", "--remote", "origin", cwd=here).code == 7
