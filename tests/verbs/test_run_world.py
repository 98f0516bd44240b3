"""Run: the world around a command is not as it should be, and the command does not notice."""

import errno
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from support.cli import track as track_process
from support.cli import track_here as track
from support.powercut import small_disk
from support.programs import missing_programs
from support.repositories import commit_all, git
from support.trees import write_tree
from support.troubles import full_store, read_only_store
from track.errors import AlreadyInGit, DiskFull, InsideArtifact, TrackError, UsageError
from track.flows import run_left, running
from track.flows.run_journal import journal_of
from track.flows.run_start import Wishes
from track.history import index
from track.model.digest import digest_of
from track.project import Project
from track.runs import command, observe
from track.runs.resources import Meter
from track.verbs.run import Asked, Ran, run


@pytest.fixture
def here(repo: Path) -> Path:
    """A tracked file and a script that Git has."""
    track("init", cwd=repo).ok()
    write_tree(repo, {"main.sh": b"cat data.csv\n", "data.csv": b"1\n2\n"})
    track("add", "data.csv", cwd=repo).ok()
    commit_all(repo, "data")
    return repo


def done(here: Path, *words: str, wishes: Wishes | None = None, **asked: object) -> Ran:
    with Project.open(here) as project:
        return run(project, words, wishes, Asked(**asked), echo=lambda number, block: None)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["auto", "trace"])
def test_where_tracing_is_forbidden_the_command_runs_all_the_same(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    write_tree(
        tmp_path, {"bin/strace": b"#!/bin/sh\necho 'ptrace(PTRACE_SEIZE): Operation not permitted' >&2\nexit 1\n"}
    )
    (tmp_path / "bin/strace").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    ran = done(here, "sh", "-c", "echo there > made", outputs=["made"], observe=mode)
    assert (ran.code, ran.record.status) == (0, "completed")
    assert [used.path for used in ran.record.of("output")] == [b"made"]
    told = [text for text in ran.warnings if "nothing was traced" in text]
    assert len(told) == (1 if mode == "trace" else 0)
    assert all("strace cannot: ptrace(PTRACE_SEIZE): Operation not permitted" in text for text in told)


def test_where_there_is_no_strace_that_is_said(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observe.shutil, "which", lambda name, path=None: None if name == "strace" else f"/bin/{name}")
    (told,) = done(here, "true", observe="trace").warnings
    assert "nothing was traced: strace is not installed" in told


@pytest.mark.needs("strace")
@pytest.mark.parametrize("said", [b"Name:\tx\nSeccomp:\t2\n", b"3\n"], ids=["seccomp", "ptrace scope"])
def test_what_forbids_tracing_is_named(
    said: bytes, tmp_path: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tree(tmp_path, {"bin/strace": b"#!/bin/sh\necho no >&2\nexit 1\n", "said": said})
    (tmp_path / "bin/strace").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(observe, "_SCOPE" if said == b"3\n" else "_STATUS", tmp_path / "said")
    (told,) = done(here, "true", observe="trace").warnings
    assert ("ptrace_scope = 3" in told) == (said == b"3\n") and ("seccomp" in told) == (said != b"3\n")


@pytest.mark.needs("strace")
def test_a_traced_run_in_a_traced_run_waits_for_no_tracer_and_says_why(here: Path) -> None:
    inner = ("run", "--no-keep", "--name", "inner", "--observe", "trace", "--", "cat", "data.csv")
    began = time.monotonic()
    done(here, sys.executable, "-m", "track", *inner, wishes=Wishes(name="outer"), observe="trace")
    took = time.monotonic() - began
    with Project.open(here) as project:
        ended = {record.name: record for record in journal_of(project).ended()}
        told = project.store.read(next(each.digest for each in ended["outer"].of("output") if "stderr" in each.name))
    assert b"nothing was traced: this is traced already" in told
    assert [used.shown for used in ended["outer"].of("input")] == ["data.csv"]
    assert took < 20 and (ended["inner"].seconds or 0) < 4  # a tracer that never comes was waited for 5 s


def test_a_full_disk_behind_stdout_is_an_error_of_ours_and_does_not_stop_the_command(here: Path) -> None:
    def full(number: int, block: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    script = "for i in 1 2 3 4; do head -c 100000 /dev/zero || exit 9; done; echo end > made"
    with Project.open(here) as project, pytest.raises(TrackError, match="passed on: no space left"):
        run(project, ("sh", "-c", script), None, Asked(outputs=("made",)), echo=full)
    assert (here / "made").read_bytes() == b"end\n"
    with Project.open(here) as project:
        (record,) = journal_of(project).ended()
    assert (record.status, record.exit) == ("failed", 0)
    assert [used.size for used in record.of("output") if used.name == "stdout.log"] == [400_000]


def test_an_echo_that_raises_is_told_and_does_not_stop_the_command(here: Path) -> None:
    def decoded(number: int, block: bytes) -> None:
        block.decode("ascii")

    script = "printf '\\377'; for i in 1 2 3 4; do head -c 100000 /dev/zero || exit 9; done; echo end > made"
    limited = ("timeout", "60", "sh", "-c", script)
    with Project.open(here) as project, pytest.raises(TrackError, match=r"passed on: UnicodeDecodeError.*0xff"):
        run(project, limited, None, Asked(outputs=("made",)), echo=decoded)
    assert (here / "made").read_bytes() == b"end\n"
    with Project.open(here) as project:
        (record,) = journal_of(project).ended()
    assert (record.status, record.exit) == ("failed", 0)
    assert [used.size for used in record.of("output") if used.name == "stdout.log"] == [400_001]


def test_what_cannot_be_kept_of_the_output_is_passed_on_and_told(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(place: Path) -> int:
        raise DiskFull("no space left")

    monkeypatch.setattr(command, "create", full)
    heard: list[bytes] = []
    with Project.open(here) as project:
        ran = run(project, ("echo", "hello"), echo=lambda number, block: heard.append(block))
    assert (ran.code, heard) == (0, [b"hello\n"])
    assert ran.warnings == ("not all that the command wrote could be kept: no space left",)


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_take_anything_and_no_file_gets_their_number(here: Path, closed: str) -> None:
    line = f'"$0" -m track run -o made -- sh -c "seq 3; seq 3 >&2; echo end > made" {closed}'
    assert subprocess.run(["sh", "-c", line, sys.executable], cwd=here, check=False).returncode == 0
    with Project.open(here) as project:
        (record,) = journal_of(project).ended()
    assert [used.size for used in record.of("output")] == [4, 6, 6]
    assert subprocess.run(["sh", "-c", f'"$0" -m track status {closed}', sys.executable], cwd=here).returncode == 0


def test_words_and_folders_that_are_not_utf8_are_written_readably(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = os.fsdecode(b"q\xff")
    (here / folder).mkdir()
    track("config", "runs.env", "ODD_*", cwd=here).ok()
    monkeypatch.setenv("ODD_VALUE", os.fsdecode(b"v\xfe"))
    line = '"$0" -m track run --tag "$(printf "t\\377")" -p "p=$(printf "\\377")" -- printf "%s" "$(printf "a\\377")"'
    subprocess.run(["sh", "-c", line, sys.executable], cwd=here / folder, check=True)
    with Project.open(here) as project:
        (record,) = journal_of(project).ended()
    assert (record.command, record.cwd, record.tags) == (("printf", "%s", r"a\xff"), r"q\xff", (r"t\xff",))
    assert (record.params, record.environment["env.ODD_VALUE"]) == ({"p": r"\xff"}, r"v\xfe")


def test_only_what_looks_like_a_number_is_one(here: Path) -> None:
    given = {"a": "1", "b": "007", "c": "1_000", "d": "99999999999999999999", "e": "nan", "f": "-1.5e-3", "g": "1e999"}
    track(
        "run", *(word for key, fact in given.items() for word in ("-p", f"{key}={fact}")), "--", "true", cwd=here
    ).ok()
    with Project.open(here) as project:
        (record,) = journal_of(project).ended()
    assert record.params == {**given, "a": 1, "f": -0.0015}
    with pytest.raises(UsageError, match="more than 64 bits"):
        done(here, "true", wishes=Wishes(params={"n": 1 << 64}))


@pytest.mark.parametrize(
    ("outputs", "error", "why"),
    [
        (["main.sh"], AlreadyInGit, "tracked by Git"),
        ([".git/x"], UsageError, "reaches .git"),
        (["."], UsageError, "top of the working tree"),
        ([".track/runs"], UsageError, "cannot be an output"),
        (["new", "new/part"], InsideArtifact, "an output too"),
        (["sub"], InsideArtifact, "an artifact already, inside"),
    ],
)
def test_an_output_that_cannot_become_an_artifact_is_refused_before_anything_runs(
    here: Path, outputs: list[str], error: type[TrackError], why: str
) -> None:
    write_tree(here, {"sub/inner": b"1"})
    track("add", "sub/inner", cwd=here).ok()
    with pytest.raises(error, match=why):
        done(here, "sh", "-c", "touch ran", outputs=outputs)
    assert not (here / "ran").exists() and not (here / "main.sh.track").exists()


RECORD = """id = "01a2225a-c8f7-7454-98fb-5c3900000002"
name = "liar"
folder = "/"
status = "completed"
started = 2026-11-28T13:31:44.759912Z

[[output]]
path = "d"
digest = "{}"
size = 4
how = "declared"
"""


def test_a_record_that_calls_a_directory_a_file_does_not_stand_in_for_what_is_in_it(here: Path, tmp_path: Path) -> None:
    (tmp_path / "remote").mkdir()
    track("remote", "add", "origin", tmp_path / "remote", cwd=here).ok()
    commit_all(here, "a remote")
    git("checkout", "-q", "-b", "data", cwd=here)
    write_tree(here, {"d/a": b"one", "d/b": b"two"})
    track("add", "d", cwd=here).ok()
    commit_all(here, "a directory")
    with Project.open(here) as project:
        digest = project.pointers()[b"d.track"].digest
    git("checkout", "-q", "-", cwd=here)
    write_tree(here, {".track/runs/2026/11/20261128T133142Z-00000002.toml": RECORD.format(digest).encode()})
    commit_all(here, "a record that lies")
    track("push", "origin", cwd=here).ok()
    track("push", "origin", "data", cwd=here).ok()
    other = tmp_path / "other"
    git("clone", "-q", "-b", "data", here, other, cwd=tmp_path)
    track("remote", "add", "origin", tmp_path / "remote", cwd=other)
    track("pull", "--yes", cwd=other).ok()
    assert (other / "d/b").read_bytes() == b"two"


def test_a_record_that_calls_a_file_a_directory_is_named_and_the_file_is_sent(here: Path, tmp_path: Path) -> None:
    (tmp_path / "remote").mkdir()
    track("remote", "add", "origin", tmp_path / "remote", cwd=here).ok()
    text = RECORD.format(digest_of(b"1\n2\n")).replace('how = "declared"', 'kind = "directory"\nhow = "declared"')
    write_tree(here, {".track/runs/2026/11/20261128T133142Z-00000002.toml": text.encode()})
    commit_all(here, "a record that lies")
    pushed = track("push", "origin", cwd=here).ok()
    assert "20261128T133142Z-00000002.toml calls" in pushed.err and "a directory, and it is a file" in pushed.err
    assert pushed.err.count("it is a file") == 1
    other = tmp_path / "other"
    git("clone", "-q", here, other, cwd=tmp_path)
    track("remote", "add", "origin", tmp_path / "remote", cwd=other)
    track("pull", "--yes", cwd=other).ok()
    assert (other / "data.csv").read_bytes() == b"1\n2\n"


def test_a_committed_record_does_not_hide_what_this_clone_knows_of_the_run(here: Path) -> None:
    mine = done(here, "cp", "data.csv", "made", outputs=["made"]).record
    commit_all(here, "run")
    path = next((here / ".track/runs").rglob("*.toml"))
    path.write_text(path.read_text().replace(f'name = "{mine.name}"', 'name = "somebody-else"'))
    listed = track("runs", "list", cwd=here)
    assert listed.code == 7 and mine.name in listed.out and "somebody-else" in listed.out
    assert "do not say the same" in listed.err and path.name in listed.err and mine.id in listed.err
    shown = track("runs", "show", mine.id, cwd=here)
    assert shown.code == 2 and "do not say the same" in shown.err
    assert track("runs", "show", mine.name, cwd=here).ok().out.startswith(f"run {mine.name}")


def test_what_stays_in_the_background_is_not_waited_for_and_goes_on_writing(here: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "go")
    later = f"(read word < {tmp_path / 'go'}; echo late; echo late >&2; echo went on > {tmp_path / 'on'}) &"
    out, err = tmp_path / "out", tmp_path / "err"
    with open(out, "wb") as stdout, open(err, "wb") as stderr:
        command = [sys.executable, "-m", "track", "run", "--name", "bg", "--", "sh", "-c", f"{later} echo early"]
        subprocess.run(command, cwd=here, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, check=True)
    assert out.read_bytes() == b"early\n" and not (tmp_path / "on").exists()
    assert b"a process was left in the background" in err.read_bytes()
    with Project.open(here) as project:
        (record,) = journal_of(project).ended()
        (said,) = record.of("output")
        assert (record.status, record.exit, record.environment["left_running"]) == ("completed", 0, True)
        assert project.store.read(said.digest) == b"early\n"
    (tmp_path / "go").write_text("go\n")
    deadline = time.monotonic() + 120
    while not ((tmp_path / "on").exists() and b"late\n" in err.read_bytes() and b"late\n" in out.read_bytes()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert out.read_bytes() == b"early\nlate\n"


def test_what_a_pipe_still_writes_right_after_the_end_is_kept(here: Path) -> None:
    record = done(here, "sh", "-c", "(sleep 0.05; echo last) & echo first").record
    with Project.open(here) as project:
        assert [project.store.read(used.digest) for used in record.of("output")] == [b"first\nlast\n"]
    assert "left_running" not in record.environment


def test_memory_is_that_of_the_command_or_not_told(here: Path) -> None:
    track("run", "--name", "small", "--", "true", cwd=here).ok()
    script = "size = bytearray(400 << 20)"
    track_process("run", "--name", "large", "--", sys.executable, "-c", script, cwd=here).ok()
    with Project.open(here) as project:
        metrics = {record.name: record.metrics for record in journal_of(project).ended()}
    small = metrics["small"].get("resources/peak_bytes")  # where it was slow enough to be seen
    assert (small is None or small.last < 10 << 20) and "resources/cpu_s" in metrics["small"]
    assert 400 << 20 < metrics["large"]["resources/peak_bytes"].last < 600 << 20


@pytest.mark.parametrize("hours", [-30, 30])
def test_a_clock_that_jumps_during_a_run_changes_no_duration(
    here: Path, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    class Jumped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Jumped":
            return super().now(tz) + timedelta(hours=hours)

    monkeypatch.setattr(running, "datetime", Jumped)
    record = done(here, "sh", "-c", "echo 1 > out", outputs=["out"]).record
    assert record.status == "completed" and 0 <= (record.seconds or -1) < 3600
    assert record.ended is not None
    assert abs(record.ended - record.started - timedelta(hours=hours)) < timedelta(hours=1)
    with Project.open(here) as project:
        assert journal_of(project).find_ended(record.id) == record
    assert record.name in track("why", "out", cwd=here).ok().out
    assert record.name in track("runs", "list", cwd=here).ok().out


MIB = 1 << 20
FORKS = f"""
import multiprocessing, os, time
shared = bytearray(os.urandom({MIB})) * 100
def work():
    own = bytearray(os.urandom({MIB})) * 50
    sum(range(3_000_000))
    open(f"ready{{os.getpid()}}", "w").close()
    while not os.path.exists("seen"): time.sleep(0.02)
if __name__ == "__main__":
    workers = [multiprocessing.get_context("fork").Process(target=work) for _ in range(3)]
    for worker in workers: worker.start()
    for worker in workers: worker.join()
"""


def test_memory_and_time_are_those_of_all_processes_and_what_they_share_counts_once(here: Path) -> None:
    """Three workers have 50 MiB each, and 100 MiB together with their parent."""
    (here / "forks.py").write_text(FORKS)
    command = subprocess.Popen([sys.executable, "forks.py"], cwd=here)
    meter = Meter(command.pid)
    try:
        deadline = time.monotonic() + 120
        while len(list(here.glob("ready*"))) < 3:
            assert time.monotonic() < deadline and command.poll() is None
            time.sleep(0.02)
        meter.look()
        assert 250 * MIB < meter.used.peak_bytes < 340 * MIB
        assert meter.used.how == "pss" and meter.used.cpu_s > 0.05
    finally:
        (here / "seen").touch()
        command.wait(timeout=60)
    seen = meter.used
    meter.look()
    assert meter.used == seen


def test_a_run_tells_the_memory_of_its_processes_together(here: Path) -> None:
    one = f"import time\nsize = bytearray(b'x') * {60 * MIB}\ntime.sleep(4)"
    script = f'{sys.executable} -c "{one}" & {sys.executable} -c "{one}" & wait'
    record = done(here, "sh", "-c", script).record
    assert 120 * MIB < record.metrics["resources/peak_bytes"].last < 220 * MIB
    assert record.environment["memory"] == "pss"


def test_inputs_that_are_opened_through_links_are_noticed(here: Path, tmp_path: Path) -> None:
    write_tree(here, {"other.csv": b"3\n", "sub/keep": b""})
    track("add", "other.csv", cwd=here).ok()
    (tmp_path / "link").symlink_to(here)
    (tmp_path / "file").symlink_to(here / "other.csv")
    for place, used in ((tmp_path / "link/data.csv", b"data.csv"), (tmp_path / "file", b"other.csv")):
        script = f"open({str(place)!r}).read()"
        record = done(here, sys.executable, "-c", script, observe="python").record
        assert [one.path for one in record.of("input")] == [used]


def test_secrets_that_are_told_to_a_command_are_in_no_record(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    track("config", "runs.env", "WHERE", cwd=here).ok()
    monkeypatch.setenv("WHERE", "redis://:sword-fish@host")
    wishes = Wishes(params={"api_key": "sword-fish", "url": "ftp://me:sword-fish@host"})
    done(here, "sh", "-c", "true", "--password", "sword-fish", "--token=sword-fish", wishes=wishes)
    (path,) = (here / ".track/runs").rglob("*.toml")
    assert b"sword-fish" not in path.read_bytes() and path.read_bytes().count(b"[redacted]") == 5


def test_secrets_that_a_command_prints_behind_their_key_are_not_kept(here: Path) -> None:
    told = '{"user": "ada", "password": "sword-fish"}\nkey: plain\napi_key: sword-fish\n'
    ran = done(here, "sh", "-c", f"echo '{told}'; echo 'token=sword-fish' >&2")
    with Project.open(here) as project:
        kept = {used.name: project.store.read(used.digest) for used in ran.record.of("output")}
    assert kept["stdout.log"] == b'{"user": "ada", "password": "[redacted]"}\nkey: plain\napi_key: [redacted]\n\n'
    assert kept["stderr.log"] == b"token=[redacted]\n"


@pytest.mark.parametrize("trouble", [full_store, read_only_store], ids=["full disk", "read-only store"])
def test_what_cannot_be_kept_stops_before_the_command_and_is_said(
    here: Path, trouble: Callable[[Path], AbstractContextManager[None]]
) -> None:
    if missing_programs(["root", "mount"]):
        pytest.fail("this test mounts a small disk, and a folder that may only be read")
    write_tree(here, {"main.sh": os.urandom(5 << 20)})  # no commit has it, so that it has to be stored
    with trouble(here):
        refused = track("run", "--", "sh", "-c", "echo ran > ran", cwd=here)
    assert refused.code == 1 and "hint" in refused.err and not (here / "ran").exists()
    with Project.open(here) as project:
        assert list(journal_of(project).ended()) == [] and journal_of(project).living() == []
    assert track("run", "--", "sh", "-c", "echo ran > ran", cwd=here).ok().code == 0


def test_a_disk_that_fills_during_the_run_records_it_as_failed(here: Path) -> None:
    with full_store(here):
        script = "head -c 6000000 /dev/urandom > made"
        refused = track("run", "-o", "made", "--", "sh", "-c", script, cwd=here)
    assert refused.code == 1 and "hint" in refused.err
    assert (here / "made").stat().st_size == 6_000_000
    with Project.open(here) as project:
        assert [record.status for record in journal_of(project).ended()] == ["failed"]
    assert not (here / "made.track").exists()


def test_in_the_middle_of_a_rebase_a_run_waits_and_is_kept_afterwards(here: Path) -> None:
    git("checkout", "-q", "-b", "side", cwd=here)
    write_tree(here, {"main.sh": b"side\n"})
    commit_all(here, "side")
    git("checkout", "-q", "main", cwd=here)
    write_tree(here, {"main.sh": b"main\n"})
    commit_all(here, "main")
    git("checkout", "-q", "side", cwd=here)
    assert subprocess.run(["git", "rebase", "-q", "main"], cwd=here, capture_output=True, check=False).returncode
    told = track("run", "--name", "r", "-o", "made", "--", "sh", "-c", "echo 1 > made", cwd=here).ok()
    assert "in the journal only" in told.err and "rebase" in told.err and not (here / "made.track").exists()
    git("rebase", "--abort", cwd=here)
    track("runs", "keep", "r", cwd=here).ok()
    assert "made.track" in git("diff", "--cached", "--name-only", cwd=here)


def test_code_that_no_commit_or_no_remote_has_is_refused_when_that_is_asked(here: Path, tmp_path: Path) -> None:
    (here / "main.sh").write_bytes(b"cat data.csv # other\n")
    (here / "new.sh").write_bytes(b"new\n")
    (here / "large.bin").write_bytes(bytes(2 << 20))
    command = ("--", "sh", "-c", "echo 1 > done")
    told = track("run", "--require-clean", *command, cwd=here)
    assert told.code == 1 and "large.bin, main.sh, new.sh" in told.err and "--require-clean" in told.err
    assert track("runs", "list", cwd=here).ok().out == "" and not (here / "done").exists()
    (here / "large.bin").unlink()
    commit_all(here, "other")
    track("run", "--require-clean", *command, cwd=here).ok()
    (here / "done").unlink()
    told = track("run", "--require-pushed", *command, cwd=here)
    assert told.code == 1 and "no Git remote" in told.err and "git push" in told.err and not (here / "done").exists()
    git("init", "--quiet", "--bare", str(tmp_path / "bare"), cwd=here)
    git("remote", "add", "hub", str(tmp_path / "bare"), cwd=here)
    git("push", "--quiet", "hub", "main", cwd=here)
    track("run", "--require-pushed", *command, cwd=here).ok()


def test_what_a_team_asks_of_code_is_a_setting_and_holds_for_what_is_executed_again(repo: Path) -> None:
    track("init", cwd=repo).ok()
    track("config", "runs.require", "clean", cwd=repo).ok()
    (repo / "main.sh").write_bytes(b"echo 1\n")
    told = track("run", "--name", "first", "--", "sh", "main.sh", cwd=repo)
    assert told.code == 1 and "main.sh" in told.err
    commit_all(repo, "code")
    track("run", "--name", "first", "--", "sh", "main.sh", cwd=repo).ok()
    commit_all(repo, "a run")
    (repo / "main.sh").unlink()
    told = track("rerun", "first", cwd=repo)
    assert told.code == 1 and "main.sh" in told.err
    assert track("config", "runs.require", "all", cwd=repo).code == 3
    track("config", "runs.require", "nothing", cwd=repo).ok()
    assert "failed in" in track("rerun", "first", cwd=repo).err


def test_before_the_first_commit_no_code_is_clean(tmp_path: Path) -> None:
    repo = tmp_path / "new"
    repo.mkdir()
    git("init", "--quiet", cwd=repo)
    track("init", cwd=repo).ok()
    told = track("run", "--require-clean", "--", "true", cwd=repo)
    assert told.code == 1 and "no commit has the code" in told.err


def test_while_another_process_holds_the_index_all_that_waits_for_staging_is_named(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "INDEX_TIMEOUT_S", 0.0)
    (here / "sub dir").mkdir()
    held = here / ".git/index.lock"
    held.touch()
    told = track("run", "--name", "r", "-o", "made", "--", "sh", "-c", "echo 1 > made", cwd=here / "sub dir").ok()
    held.unlink()
    todo = told.err.strip().rpartition("git add ")[2].rstrip(")")
    assert {"made.track", ".gitignore"} <= {os.path.basename(word) for word in todo.split()}, told.err
    git("add", *todo.split(), cwd=here / "sub dir")
    assert len(git("diff", "--cached", "--name-only", cwd=here).splitlines()) == 3
    assert not track("status", cwd=here).ok().err


def test_where_a_filter_of_gits_would_change_what_a_run_places_the_line_that_helps_is_told(here: Path) -> None:
    git("config", "filter.loud.clean", "tr a-z A-Z", cwd=here)
    with open(here / ".gitattributes", "a") as attributes:
        attributes.write("* filter=loud\n*.track -filter\n")
    told = track("run", "--name", "r", "--", "true", cwd=here).ok()
    assert "Git has to keep records as they are; echo '.track/** -filter' >> .gitattributes " in told.err


@pytest.mark.parametrize(
    ("command", "reader", "code", "kept"),
    [
        ("yes", "head -1", 141, b"y\n"),
        ("sh -c 'echo a; while :; do sleep 0.05; echo b; done'", "head -1", 141, b"a\n"),
        ("sh -c 'yes; exit 3' 2>&1", "head -1", 3, b"y\n"),
        ("sh -c 'trap \"\" PIPE; while echo a 2>/dev/null; do :; done; exit 4'", "head -1", 4, b"a\n"),
        ("yes 2>&1", "true", 141, b""),
        ("sh -c 'seq 3; seq 3 >&2'", "cat", 0, b"1\n2\n3\n"),
    ],
)
def test_a_reader_that_goes_away_ends_the_command_as_without_us(
    here: Path, command: str, reader: str, code: int, kept: bytes
) -> None:
    def ended(line: str) -> list[str]:
        words = f"{line} | {reader}; echo ${{PIPESTATUS[0]}} >&3"
        out = subprocess.run(
            ["bash", "-c", f"exec 3> {here.parent}/code; {words}"],
            cwd=here,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        return [(here.parent / "code").read_text(), out.stdout.decode()]

    alone = ended(command)
    assert alone[0] == f"{code}\n"
    with_us = ended(f"timeout 120 {sys.executable} -m track run -- {command}")
    assert with_us == alone
    with Project.open(here) as project:
        (record,) = journal_of(project).ended()
        said = [project.store.read(used.digest) for used in record.of("output") if used.name == "stdout.log"]
    assert (record.exit, record.status) == (code, "failed" if code else "completed")
    assert b"".join(said).startswith(kept)


def test_one_hint_says_what_others_do_not_find_in_git_as_far_as_that_is_wanted(here: Path, tmp_path: Path) -> None:
    def hints(*command: str) -> list[str]:
        told = track("run", "--no-keep", "--", *command, cwd=here)
        return [line for line in told.err.splitlines() if line.startswith("hint: others")]

    shell, python = ("sh", "-c", "true"), (sys.executable, "-c", "")
    assert hints(*shell) == []
    (told,) = hints(*python)
    assert "no lock file" in told and "commit" not in told
    (here / "new.py").write_text("1\n")
    (told,) = hints(*python)
    assert "no commit has its code (git commit); no lock file" in told and "runs.warn" in told
    assert hints("false") == []  # what failed is not what others repeat
    for wanted, code, lock in (("code", True, False), ("lock", False, True), ("nothing", False, False)):
        track("config", "runs.warn", wanted, cwd=here).ok()
        said = "".join(hints(*python))
        assert ("no commit" in said, "no lock file" in said) == (code, lock)
    track("config", "runs.warn", "all", cwd=here).ok()
    (here / "requirements.txt").write_text("numpy\n")
    commit_all(here, "a lock file, too")
    assert hints(*python) == []
    git("init", "-q", "--bare", str(tmp_path / "hub.git"), cwd=tmp_path)
    git("remote", "add", "hub", str(tmp_path / "hub.git"), cwd=here)
    git("push", "-q", "hub", "HEAD:refs/heads/main", cwd=here)
    git("fetch", "-q", "hub", cwd=here)
    assert hints(*python) == []
    (here / "new.py").write_text("2\n")
    commit_all(here, "not pushed")
    (told,) = hints(*python)
    assert "no Git remote is known to have commit" in told and "(git push)" in told


@pytest.mark.parametrize("is_freed", [False, True])
def test_a_run_ends_on_a_full_disk_in_the_room_of_what_it_noted_or_says_how_it_is_ended(
    here: Path, is_freed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if missing_programs(["root", "mount"]):
        pytest.fail("this test mounts a small disk")
    state, aside = here / ".git/track", here / ".git/aside"
    shutil.copytree(state, aside)
    with small_disk(state, size_kib=2048, inodes=400):
        shutil.copytree(aside, state, dirs_exist_ok=True)
        if not is_freed:
            monkeypatch.setattr(run_left, "forget", lambda room: None)
            monkeypatch.setattr(run_left, "remove", lambda place: None)
        script = "cat data.csv >/dev/null; cat /dev/zero > .git/track/filler 2>/dev/null; exit 3"
        failure = None
        try:
            ran = done(here, "sh", "-c", script)
        except DiskFull as error:
            failure = error
        (state / "filler").unlink()
        with Project.open(here) as project:
            living = journal_of(project).living()
        if is_freed:
            assert failure is None and (ran.record.status, ran.record.exit, living) == ("failed", 3, [])
            assert [used.shown for used in ran.record.of("input")] == ["data.csv"]
        else:
            assert failure is not None and len(living) == 1
            command = (failure.hint or "").partition("track runs abort ")
            track("runs", "abort", command[2], cwd=here).ok()
            with Project.open(here) as project:
                assert [record.status for record in journal_of(project).ended()] == ["terminated"]
