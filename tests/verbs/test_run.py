"""Run: what a command used, made and was is known for good, whatever it does and whoever interrupts it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import write_tree
from track.errors import CommandNotFound, MissingOutput, UnknownPath, UsageError
from track.flows.run_journal import journal_of
from track.flows.run_start import Wishes
from track.model.digest import digest_of
from track.model.names import is_record_path
from track.model.record import Record
from track.model.record_file import parse_record
from track.project import Project
from track.verbs.run import Asked, Ran, run

SCRIPT = b"""
rows = [int(row) for row in open("data/raw.csv")]
print("sum", sum(rows))
with open("model.txt", "w") as file:
    file.write(str(sum(rows)))
"""


@pytest.fixture
def here(repo: Path) -> Path:
    """A script, the data it reads, a directory that nobody reads, all committed."""
    track("init", cwd=repo).ok()
    write_tree(repo, {"train.py": SCRIPT, "data/raw.csv": b"1\n2\n", "d/a": b"one", "d/b": b"two"})
    track("add", "data/raw.csv", "d", cwd=repo).ok()
    commit_all(repo, "data")
    return repo


def done(here: Path, *command: str, wishes: Wishes | None = None, cwd: str = "", **asked: object) -> Ran:
    """Run a command in a process of this Python where it says `python`."""
    words = tuple(sys.executable if word == "python" else word for word in command)
    with Project.open(here / cwd) as project:
        return run(project, words, wishes, Asked(**asked), echo=lambda number, block: None)  # type: ignore[arg-type]


def records(here: Path) -> list[Record]:
    return [parse_record(path.read_bytes(), path.name) for path in sorted((here / ".track/runs").rglob("*.toml"))]


def journal(here: Path) -> list[Record]:
    with Project.open(here) as project:
        assert journal_of(project).living() == []
        return list(journal_of(project).ended())


def stored(here: Path, digest: bytes) -> bytes:
    with Project.open(here) as project:
        return project.store.read(digest)


def test_what_was_read_is_an_input_what_was_declared_an_output_and_both_are_staged(here: Path) -> None:
    ran = done(here, "python", "train.py", outputs=["model.txt"])
    (record,) = records(here)
    assert ran.code == 0 and ran.why_not is None and record == ran.record == journal(here)[0]
    assert (record.status, record.exit, record.cwd, record.folder) == ("completed", 0, ".", "/")
    assert record.by == "Ada Lovelace <ada@example.org>"
    assert [(used.path, used.how) for used in record.of("input")] == [(b"data/raw.csv", "observed")]
    model, said = record.of("output")
    assert (model.path, model.how, model.digest) == (b"model.txt", "declared", digest_of(b"3"))
    assert (said.name, stored(here, said.digest)) == ("stdout.log", b"sum 3\n")
    assert record.environment["python"] == ".".join(map(str, sys.version_info[:3]))
    assert b"pytest-" in stored(here, record.environment["packages"] and _digest(record))
    staged = git("diff", "--cached", "--name-only", cwd=here).split()
    assert staged[0] == ".gitignore" and staged[2] == "model.txt.track" and is_record_path(staged[1].encode())
    assert ran.staged == tuple(name.encode() for name in staged)
    assert f'run = "{record.id}"' in (here / "model.txt.track").read_text()


def _digest(record: Record) -> bytes:
    return bytes.fromhex(record.environment["packages"].removeprefix("blake3:"))


def test_a_shell_pipeline_is_observed_too(here: Path) -> None:
    record = done(here, "sh", "-c", "cat d/a | tr a-z A-Z > out.txt", outputs=["out.txt"]).record
    assert [used.path for used in record.of("input")] == [b"d"]
    assert [used.path for used in record.of("output")] == [b"out.txt"]


def test_a_compiled_program_that_changes_tracked_data_makes_an_output(here: Path) -> None:
    ran = done(here, "cp", "d/a", "data/raw.csv")
    assert [(used.path, used.how) for used in ran.record.of("output")] == [(b"data/raw.csv", "observed")]
    assert (here / "data/raw.csv.track").read_text().count("run = ") == 1
    assert track("status", "--exit-code", cwd=here).code in (0, 1)


def test_unobserved_only_what_changed_or_was_declared_is_known(here: Path) -> None:
    record = done(here, "cp", "d/a", "data/raw.csv", observe="off", inputs=["d"]).record
    assert [(used.path, used.how) for used in record.of("input")] == [(b"d", "declared")]
    assert [used.path for used in record.of("output")] == [b"data/raw.csv"]


def test_the_same_content_again_leaves_the_pointer_as_it_is(here: Path) -> None:
    first = done(here, "python", "train.py", outputs=["model.txt"]).record
    commit_all(here, "run")
    pointer = (here / "model.txt.track").read_bytes()
    second = done(here, "python", "train.py", outputs=["model.txt"]).record
    assert (here / "model.txt.track").read_bytes() == pointer and first.id in pointer.decode()
    assert second.of("output")[0].digest == first.of("output")[0].digest and second.id != first.id


def test_facts_are_kept_and_names_are_chosen(here: Path) -> None:
    wishes = Wishes("my run", "/a/b", "why", ("x", "y"), {"n": 1}, {"lr": 0.1, "fast": True})
    record = done(here, "true", wishes=wishes, cwd="data").record
    assert (record.name, record.folder, record.description, record.tags) == ("my run", "/a/b", "why", ("x", "y"))
    assert (record.metadata, record.params, record.cwd) == ({"n": 1}, {"lr": 0.1, "fast": True}, "data")
    assert done(here, "true").record.name.count("-") == 1


def test_the_code_is_there_for_good_with_uncommitted_and_untracked_files(here: Path) -> None:
    (here / "train.py").write_bytes(SCRIPT + b"# changed\n")
    write_tree(here, {"new.bin": bytes(range(256)), "large.bin": bytes(2 << 20), ".env": b"MINE=hidden-value\n"})
    revision = done(here, "true").record.revision
    assert revision is not None and revision.dirty and revision.commit == git("rev-parse", "HEAD", cwd=here).strip()
    assert revision.omitted == (b".env", b"large.bin")
    manifest = stored(here, revision.code or b"").decode()
    assert " new.bin\n" in manifest and " train.py\n" in manifest and ".track" not in manifest
    patch = stored(here, revision.patch or b"")
    assert b"+# changed" in patch and b"new.bin" in patch and b"hidden-value" not in patch


def test_no_secret_is_written_anywhere(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "sekrit-12345")
    write_tree(here, {".env": b"export PLAIN='dotenv-67890'\n", "leak.py": b"x = 'sekrit-12345'\n"})
    (here / "train.py").write_bytes(SCRIPT + b"# dotenv-67890\n")
    wishes = Wishes(params={"key": "sekrit-12345"}, metadata={"k": "dotenv-67890"}, description="sekrit-12345")
    ran = done(here, "sh", "-c", "echo $MY_TOKEN dotenv-67890; echo $MY_TOKEN >&2", wishes=wishes)
    assert ran.record.params == {"key": "[redacted]"} and ran.record.description == "[redacted]"
    assert ran.record.revision is not None and ran.record.revision.omitted == (b".env", b"leak.py", b"train.py")
    assert ran.record.revision.patch is None
    texts = [stored(here, used.digest) for used in ran.record.of("output")]
    assert texts == [b"[redacted]\n", b"[redacted] [redacted]\n"]
    text = b"".join(path.read_bytes() for path in (here / ".git/track/journal").rglob("*.toml"))
    assert b"sekrit" not in text and b"dotenv-67890" not in text


def test_secrets_that_are_not_committed_are_in_no_tracked_file_of_the_code(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tree(here, {"k/.env": b"A=1\n", "old.py": b"key = 'opensesame1'\n"})
    git("add", "--force", "k/.env", "old.py", cwd=here)
    commit_all(here, "files that were harmless, and one that Git has for good")
    monkeypatch.setenv("MY_TOKEN", "hunter2hunter2")
    monkeypatch.setenv("OLD_TOKEN", "opensesame1")
    secret = {"train.py": SCRIPT + b"# hunter2hunter2\n", "k/.env": b"A=swordfish\n"}
    write_tree(here, {**secret, "old.py": b"key = 'opensesame1'  # still\n"})
    revision = done(here, "python", "train.py", outputs=["model.txt"]).record.revision
    assert revision is not None and revision.code is not None and revision.patch is not None
    assert revision.omitted == (b"k/.env", b"train.py")
    assert b"old.py" in stored(here, revision.code) and b"train.py" not in stored(here, revision.code)
    assert b"[redacted]'  # still" in (patch := stored(here, revision.patch)) and b"swordfish" not in patch
    for place in (path for path in (here / ".git/track").rglob("*") if path.is_file()):
        assert b"hunter2hunter2" not in place.read_bytes() and b"swordfish" not in place.read_bytes(), place


def test_a_command_that_fails_is_recorded_as_failed(here: Path) -> None:
    ran = done(here, "sh", "-c", "echo 9 > d/a; exit 3")
    assert ran.code == 3 and ran.record.status == "failed" and ran.record.exit == 3
    assert [used.path for used in ran.record.of("output")] == [b"d"]


def test_a_program_that_is_not_there_is_recorded_as_failed(here: Path) -> None:
    for observe in ("auto", "off"):
        with pytest.raises(CommandNotFound) as error:
            done(here, "no-such-program", observe=observe)
        assert error.value.exit_code == 127 and error.value.hint
    (here / "script").write_text("not executable")
    with pytest.raises(CommandNotFound):
        done(here, "./script")
    assert [(record.status, record.exit) for record in journal(here)] == [("failed", 127)] * 3
    assert records(here) == []


def test_an_output_that_was_not_written_is_an_error_and_the_rest_is_kept(here: Path) -> None:
    with pytest.raises(MissingOutput, match=r"none\.txt") as error:
        done(here, "sh", "-c", "echo 1 > is.txt", outputs=["none.txt", "is.txt"])
    assert error.value.hint
    (record,) = records(here)
    assert record.status == "failed" and [used.path for used in record.of("output")] == [b"is.txt"]
    assert (here / "is.txt.track").exists()


def test_an_input_that_is_not_tracked_or_not_here_stops_before_anything_runs(here: Path) -> None:
    (here / "other.txt").write_text("x")
    for given in ("other.txt", "nowhere"):
        with pytest.raises(UnknownPath):
            done(here, "touch", "ran", inputs=[given])
    (here / "data/raw.csv").unlink()
    with pytest.raises(UnknownPath, match="not here"):
        done(here, "touch", "ran", inputs=["data/raw.csv"])
    assert not (here / "ran").exists() and journal(here) == []


def test_an_input_that_was_saved_nowhere_is_stored(here: Path) -> None:
    (here / "data/raw.csv").write_bytes(b"7\n")
    ran = done(here, "cat", "data/raw.csv")
    (used,) = ran.record.of("input")
    assert stored(here, used.digest) == b"7\n" and not ran.warnings
    assert (here / "data/raw.csv.track").read_text().count("run =") == 0, "reading makes no version"


def test_an_input_that_changed_during_the_run_is_told(here: Path) -> None:
    (here / "data/raw.csv").write_bytes(b"7\n")
    ran = done(here, "sh", "-c", "cat data/raw.csv; echo 8 > data/raw.csv")
    assert ran.warnings and "data/raw.csv" in ran.warnings[0]
    assert ran.record.of("input")[0].digest == digest_of(b"7\n")
    assert ran.record.of("output")[0].digest == digest_of(b"8\n")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("git checkout --quiet -b other", "branch"),
        ("git merge --quiet --no-ff --no-commit side", "merge"),
        ("echo 5 > d/a && {track} add --quiet d", "another pointer"),
    ],
)
def test_what_cannot_be_placed_waits_in_the_journal(here: Path, change: str, why: str) -> None:
    git("branch", "side", cwd=here)
    git("checkout", "--quiet", "side", cwd=here)
    (here / "more.py").write_text("x")
    commit_all(here)
    git("checkout", "--quiet", "main", cwd=here)
    script = change.replace("{track}", f"{sys.executable} -m track")
    ran = done(here, "sh", "-c", f"{script}; echo 6 > d/b")
    assert ran.code == 0 and ran.why_not is not None and why in ran.why_not
    assert records(here) == [] and journal(here)[0].id == ran.record.id
    assert ran.record.of("output")[0].path == b"d"


def test_a_script_that_adds_what_it_made_is_not_in_its_own_way(here: Path) -> None:
    ran = done(here, "sh", "-c", f"echo 5 > d/a; {sys.executable} -m track add --quiet d")
    assert ran.why_not is None and [used.path for used in ran.record.of("output")] == [b"d"]


def test_settings_and_options_keep_a_run_out_of_the_tree(here: Path) -> None:
    assert done(here, "true", keep=False).why_not
    track("config", "runs.keep", "outputs", cwd=here).ok()
    assert done(here, "true").why_not and records(here) == []
    assert done(here, "sh", "-c", "echo 1 > d/a").why_not is None
    track("config", "runs.keep", "none", cwd=here).ok()
    assert done(here, "sh", "-c", "echo 2 > d/a").why_not
    assert len(records(here)) == 1 and len(journal(here)) == 4


def test_what_cannot_be_is_refused_before_anything_runs(here: Path) -> None:
    bad = [Wishes(name="a\n"), Wishes(folder="x"), Wishes(metadata={"a": [1]}), Wishes(params={"a": None})]
    for wishes in bad:
        with pytest.raises(UsageError):
            done(here, "touch", "ran", wishes=wishes)
    with pytest.raises(UsageError):
        done(here)
    with pytest.raises(UsageError):
        done(here, "true", observe="magic")
    assert not (here / "ran").exists() and journal(here) == []


def test_a_run_inside_a_run_has_a_parent(here: Path) -> None:
    script = f"{sys.executable} -m track run -- true"
    outer = done(here, "sh", "-c", script).record
    inner = next(record for record in journal(here) if record.id != outer.id)
    assert inner.parent == outer.id and outer.parent is None


def test_a_repository_without_a_commit_and_a_detached_one_have_runs(repo: Path, tmp_path: Path) -> None:
    track("init", cwd=repo).ok()
    git("checkout", "--quiet", "--detach", cwd=repo)
    assert done(repo, "true").why_not is None
    new = tmp_path / "new"
    new.mkdir()
    git("init", "--quiet", "-b", "main", cwd=new)
    track("init", cwd=new).ok()
    ran = done(new, "true")
    assert ran.record.revision is not None and ran.record.revision.commit is None and ran.why_not is None


@contextmanager
def begun(here: Path, script: str) -> Iterator[tuple[subprocess.Popen[bytes], bytes]]:
    """`track run` of a shell script in a process of its own, and the first line that the script wrote."""
    command = [sys.executable, "-m", "track", "run", "--", "sh", "-c", script]
    with subprocess.Popen(command, cwd=here, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline()
        process.kill()


def test_interrupted_it_waits_for_the_command_and_is_terminated(here: Path) -> None:
    script = "trap 'echo 4 > d/a; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
    with begun(here, script) as (process, said):
        assert said == b"ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 5
    (record,) = records(here)
    assert record.status == "terminated" and record.of("output")[0].path == b"d"


def test_killed_it_is_still_in_the_spool_with_all_that_was_known(here: Path) -> None:
    with begun(here, "echo $$; exec sleep 300") as (process, said):
        process.kill()
        process.wait(60)
    os.kill(int(said), signal.SIGKILL)
    with Project.open(here) as project:
        (living,) = journal_of(project).living()
        assert living.record().status == "running" and not living.is_lost()
        assert living.is_lost(time.time() + 181)
        assert (living.folder / "stdout").read_bytes() == said
    assert records(here) == []


def test_two_at_once_that_write_the_same_path_are_told_apart(here: Path) -> None:
    script = "echo ready; read x; echo $x > d/a"
    with begun(here, script) as (first, _), begun(here, script) as (second, _):
        for number, process in enumerate((first, second)):
            process.communicate(b"%d\n" % number, timeout=120)
            assert process.returncode == 0
    assert len(journal(here)) == 2
    kept = records(here)
    assert len(kept) in (1, 2)
    pointer = (here / "d.track").read_text()
    assert any(record.id in pointer for record in journal(here))
    track("status", cwd=here).ok()


def test_what_runs_name_is_pushed_and_survives_a_collection(here: Path, tmp_path: Path) -> None:
    track("remote", "add", "origin", str(tmp_path / "remote"), cwd=here).ok()
    ran = done(here, "python", "train.py", outputs=["model.txt"])
    commit_all(here, "run")
    track("gc", "--grace", "0", cwd=here)
    digests = [digest for digest, _, _ in ran.record.named()]
    with Project.open(here) as project:
        assert project.store.absent(digests) == set()
    pushed = track("push", cwd=here).ok()
    assert "what was kept with 1 run" in pushed.out
    assert "everything" in track("push", cwd=here).ok().err
    clone = tmp_path / "clone"
    git("clone", "--quiet", here, clone, cwd=tmp_path)
    track("pull", cwd=clone).ok()
    assert (clone / "model.txt").read_bytes() == b"3" and records(clone) == [ran.record]
    assert os.environ.get("TRACK_RUN_ID") is None


def test_a_record_that_cannot_be_read_stops_no_push(here: Path, tmp_path: Path) -> None:
    done(here, "true")
    path = next((here / ".track/runs").rglob("*.toml"))
    path.write_text("nonsense")
    commit_all(here, "broken")
    track("remote", "add", "origin", str(tmp_path / "remote"), cwd=here).ok()
    pushed = track("push", cwd=here)
    assert pushed.code == 7 and "not the record of a run" in pushed.err and "raw.csv" in pushed.out
