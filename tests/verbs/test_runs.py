"""Runs that have ended are listed, found by whatever they are called, kept, dropped and reaped; and who made this."""

import os
import re
import shlex
import sys
import time
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import write_tree
from track.errors import Conflict, UnknownPath, UnknownRevision, UnknownRun, UsageError
from track.flows.run_find import find_run
from track.flows.run_journal import journal_of
from track.flows.run_start import Wishes, begin
from track.model.record import Record
from track.project import Project
from track.verbs.run import Asked, run
from track.verbs.runs_drop import runs_drop
from track.verbs.runs_keep import KeptRuns, runs_keep
from track.verbs.runs_list import runs_list
from track.verbs.runs_reap import runs_reap
from track.verbs.why import Reason, why


@pytest.fixture
def here(repo: Path) -> Path:
    track("init", cwd=repo).ok()
    write_tree(repo, {"make.py": b"open('out.txt', 'w').write('made')\n", "d/a": b"one"})
    track("add", "d", cwd=repo).ok()
    commit_all(repo, "data")
    return repo


def execute(
    here: Path,
    *command: str,
    keep: bool = True,
    inputs: tuple[str, ...] = (),
    outputs: tuple[str, ...] = (),
    **wishes: object,
) -> Record:
    words = tuple(sys.executable if word == "python" else word for word in command)
    with Project.open(here) as project:
        asked = Asked(inputs=inputs, outputs=outputs, keep=keep)
        return run(project, words, Wishes(**wishes), asked, echo=lambda number, block: None).record  # type: ignore[arg-type]


def names(here: Path, **asked: object) -> list[str]:
    with Project.open(here) as project:
        return [found.record.name for found in runs_list(project, **asked).runs]  # type: ignore[arg-type]


def found_by(here: Path, name: str) -> str:
    with Project.open(here) as project:
        return find_run(project, name).record.id


def keep(here: Path, *given: str, every: bool = False) -> KeptRuns:
    with Project.open(here) as project:
        return runs_keep(project, given, every=every)


def reason_for(here: Path, path: str, rev: str | None = None) -> Reason:
    with Project.open(here) as project:
        return why(project, path, rev)


def test_runs_are_listed_newest_first_each_once_and_chosen(here: Path) -> None:
    execute(here, "true", name="one", folder="/a", tags=("x", "y"))
    execute(here, "false", name="two", folder="/a/b", tags=("x",))
    execute(here, "true", name="three", folder="/ab", keep=False)
    assert names(here) == ["three", "two", "one"]
    assert names(here, folder="/a") == ["two", "one"] and names(here, folder="/") == ["three", "two", "one"]
    assert names(here, tags=["x", "y"]) == ["one"] and names(here, status="failed") == ["two"]
    assert names(here, place="journal") == ["three"] and names(here, limit=1) == ["three"]
    commit_all(here)
    clone = here.parent / "clone"
    git("clone", "--quiet", here, clone, cwd=here.parent)
    assert names(clone) == ["two", "one"]


def test_a_run_is_found_by_name_id_digits_and_commit(here: Path) -> None:
    record = execute(here, "true", name="my run")
    commit_all(here, "run")
    for name in ("my run", record.id, record.id[:30], record.short, record.short[:4], "HEAD", "commit:HEAD"):
        assert found_by(here, name) == record.id
    for name in ("no run", "HEAD~1", "0000", "-x", ""):
        with pytest.raises(UnknownRun) as error:
            found_by(here, name)
        assert error.value.hint
    with pytest.raises(UnknownRun) as error:
        found_by(here, "my other")
    assert error.value.details == ("there is 'my run'",)


def test_a_name_of_two_runs_lists_both(here: Path) -> None:
    both = [execute(here, "true", name="same") for _ in range(2)]
    with pytest.raises(UnknownRun, match="2 runs") as error:
        found_by(here, "same")
    assert all(any(record.short in line for line in error.value.details) for record in both)
    assert found_by(here, both[0].id) == both[0].id


def test_a_broken_record_is_named_and_hides_no_other(here: Path) -> None:
    execute(here, "true", name="one")
    execute(here, "true", name="two", keep=False)
    next((here / ".track/runs").rglob("*.toml")).write_text("nonsense")
    listed = track("runs", "list", cwd=here)
    assert listed.code == 7 and "two" in listed.out and "is not the record of a run" in listed.err


def test_a_number_that_is_none_makes_no_contradiction(here: Path) -> None:
    record = execute(here, "true", params={"loss": float("nan")}, metadata={"best": float("nan")})
    with Project.open(here) as project:
        listed = runs_list(project)
    assert [(found.record.id, found.place) for found in listed.runs] == [(record.id, "tree")] and not listed.refused
    for words in (("runs", "list", "--json"), ("runs", "show", record.name, "--json"), ("find", "--runs", "--jsonl")):
        said = track(*words, cwd=here).ok().out
        assert re.search(r"\bNaN\b", said) is None and re.search(r'"(loss|best)": null', said)  # JSON has no NaN


def test_a_run_that_waits_is_kept_later_with_the_pointers_of_what_is_still_there(here: Path) -> None:
    record = execute(here, "sh", "-c", "echo 1 > out.txt; echo 2 > d/a", keep=False, outputs=("out.txt",))
    (here / "d/a").write_text("other")
    kept = keep(here, record.name)
    assert [one.id for one in kept.runs] == [record.id] and kept.moved_on == (b"d",)
    assert f'run = "{record.id}"' in (here / "out.txt.track").read_text()
    assert set(kept.staged) >= {b"out.txt.track", b".gitignore"}
    assert git("diff", "--cached", "--name-only", cwd=here).split() == sorted(name.decode() for name in kept.staged)
    for given in ((record.name,), ()):
        with pytest.raises(UsageError):
            keep(here, *given)
    assert keep(here, every=True).runs == ()


def test_nothing_is_kept_while_git_is_in_the_middle_of_something(here: Path) -> None:
    record = execute(here, "true", keep=False)
    (here / ".git/MERGE_HEAD").write_text(git("rev-parse", "HEAD", cwd=here))
    with pytest.raises(Conflict, match="merge"):
        keep(here, record.id)
    (here / ".git/MERGE_HEAD").unlink()
    assert len(keep(here, every=True).runs) == 1


def test_a_run_that_waits_is_dropped_and_no_other(here: Path) -> None:
    waiting, kept = execute(here, "true", keep=False), execute(here, "true")
    with Project.open(here) as project:
        assert runs_drop(project, [waiting.id], dry_run=True) == (waiting,)
        for given in ([kept.id], [], ["nobody"]):
            with pytest.raises(UsageError):
                runs_drop(project, [*given, waiting.id] if given else given)
        living = begin(project, Wishes())
        with pytest.raises(UsageError, match="not ended"):
            runs_drop(project, [living.id])
        assert runs_drop(project, [waiting.id]) == (waiting,)
        with pytest.raises(UsageError, match="not ended"):
            runs_keep(project, [living.id])
    assert waiting.name not in names(here) and kept.name in names(here)


def test_a_record_that_says_otherwise_than_the_journal_is_told_in_a_line_and_the_hint_settles_it(here: Path) -> None:
    record = execute(here, "cp", "d/a", "made.csv", outputs=("made.csv",))
    (place,) = [path for path in (here / ".track/runs").rglob("*.toml") if record.id in path.read_text()]
    commit_all(here, "a run")
    place.write_text(place.read_text().replace(f'name = "{record.name}"', f'name = "{record.name}"\ndescription = "x"'))
    told = f"and the journal of this clone do not say the same of run {record.id}"
    for words in (("show", record.name), ("show", record.id[-8:]), ("runs", "show", record.name)):
        answer = track(*words, cwd=here)
        assert answer.code == 2 and [told in line for line in answer.err.splitlines()].count(True) == 1, answer
    for words in (("why", "made.csv"), ("stale",)):
        answer = track(*words, cwd=here)
        assert answer.code == 7 and [told in line for line in answer.err.splitlines()].count(True) == 1, answer
    hint = answer.err.partition("where the commit is right, ")[2].split()
    assert hint == ["track", "runs", "drop", record.id]
    track(*hint[1:], cwd=here).ok()
    assert track("show", record.name, cwd=here).ok().err == ""


def test_the_hint_of_a_run_that_is_staged_works_as_it_is(here: Path) -> None:
    record = execute(here, "true")
    with Project.open(here) as project, pytest.raises(UsageError) as refused:
        runs_drop(project, [record.id])
    removal, _, forgotten = (refused.value.hint or "").partition(" && ")
    git(*removal.split()[1:], cwd=here)
    track(*forgotten.split()[1:], cwd=here).ok()
    assert record.name not in names(here) and git("status", "--short", cwd=here) == ""


def test_a_silent_run_is_lost_and_what_it_said_is_kept(here: Path) -> None:
    with Project.open(here) as project:
        lost, alive = begin(project, Wishes(name="lost")), begin(project, Wishes(name="alive"))
        (lost.folder / "stdout").write_bytes(b"as far as it came\n")
        os.utime(lost.folder / "heartbeat", (time.time() - 300,) * 2)
        assert [(found.record.name, found.status) for found in runs_list(project).runs] == [
            ("alive", "running"),
            ("lost", "lost"),
        ]
        assert [record.name for record in runs_reap(project, dry_run=True).runs] == ["lost"]
        (record,) = runs_reap(project).runs
        assert record.status == "lost" and journal_of(project).find_ended(lost.id) == record
        (said,) = record.of("output")
        assert project.store.read(said.digest) == b"as far as it came\n"
        assert runs_reap(project) == ((), ()) and journal_of(project).find_living(alive.id) is not None


def test_why_tells_the_run_the_commit_and_the_commits_with_the_same_code(here: Path) -> None:
    record = execute(here, "python", "make.py", outputs=("out.txt",))
    recorded = commit_all(here, "made")
    found = reason_for(here, "out.txt")
    assert found.run is not None and found.run.record == record and found.recorded == recorded
    before = git("rev-parse", "HEAD~1", cwd=here).strip()
    assert found.matching[:2] == (recorded, before)
    (here / "make.py").write_text("pass\n")
    after = commit_all(here, "other code")
    assert after not in reason_for(here, "out.txt").matching
    for same in ("out.txt.track", "./out.txt"):
        assert reason_for(here, same).run == found.run
    assert record.id in track("why", "out.txt", cwd=here).ok().out


def test_why_says_the_same_after_a_squash_of_three_runs(here: Path) -> None:
    git("checkout", "--quiet", "-b", "work", cwd=here)
    for number in (1, 2, 3):
        (here / "make.py").write_text(f"open('out{number}.txt', 'w').write('{number}')\n")
        execute(here, "python", "make.py", outputs=(f"out{number}.txt",), name=f"run {number}")
        commit_all(here, str(number))
    before = [reason_for(here, f"out{number}.txt").run for number in (1, 2, 3)]
    git("checkout", "--quiet", "main", cwd=here)
    git("merge", "--quiet", "--squash", "work", cwd=here)
    git("commit", "--quiet", "--message=all", cwd=here)
    git("branch", "--quiet", "-D", "work", cwd=here)
    assert [reason_for(here, f"out{number}.txt").run for number in (1, 2, 3)] == before
    assert reason_for(here, "out3.txt").matching == (git("rev-parse", "HEAD", cwd=here).strip(),)


def test_why_names_others_that_made_the_same_and_versions_of_other_commits(here: Path) -> None:
    first = execute(here, "python", "make.py", outputs=("out.txt",), name="first")
    commit_all(here, "first")
    second = execute(here, "python", "make.py", outputs=("out.txt",), name="second")
    found = reason_for(here, "out.txt")
    assert found.run is not None and found.run.record.id == first.id
    assert [one.record.id for one in found.others] == [second.id]
    (here / "make.py").write_text("open('out.txt', 'w').write('other')\n")
    third = execute(here, "python", "make.py", outputs=("out.txt",), name="third")
    now, then = reason_for(here, "out.txt").run, reason_for(here, "out.txt", "HEAD").run
    assert now is not None and now.record.id == third.id and then is not None and then.record.id == first.id


def test_why_has_no_answer_where_nobody_said(here: Path) -> None:
    found = reason_for(here, "d/a")
    assert (found.path, found.run, found.recorded, found.matching) == (b"d", None, None, ())
    said = track("why", "d", cwd=here).ok()
    assert "no run is known" in said.err and "track run -o d --" in said.err
    for path in ("make.py", "nowhere", "."):
        with pytest.raises(UnknownPath):
            reason_for(here, path)
    with pytest.raises(UnknownRevision):
        reason_for(here, "d", "no-such-revision")
    with pytest.raises(UnknownPath, match="at HEAD~1"):
        reason_for(here, "d", "HEAD~1")


def test_documents_say_it_all(here: Path) -> None:
    record = execute(here, "python", "make.py", outputs=("out.txt",), tags=("x",), params={"lr": 0.1}, description="d")
    shown = track("runs", "show", record.short, "--json", cwd=here).ok().json
    assert shown["id"] == record.id and shown["params"] == {"lr": 0.1} and shown["place"] == "tree"
    assert shown["artifacts"][0]["path"] == "out.txt"
    assert track("runs", "list", "--json", cwd=here).ok().json["runs"][0] == {
        name: fact for name, fact in shown.items() if name not in ("version", "kind")
    }
    assert track("why", "out.txt", "--json", cwd=here).ok().json["run"]["id"] == record.id
    text = track("runs", "show", record.short, cwd=here).ok().out
    for fact in ("lr = 0.1", "tags: x", "description: d", "out.txt", "declared", "$ "):
        assert fact in text


def test_a_command_is_shown_as_it_can_be_typed(here: Path) -> None:
    record = execute(here, sys.executable, "-c", "print('a  b')")
    for asked in (("show", record.short), ("runs", "show", record.short)):
        (line,) = (line for line in track(*asked, cwd=here).ok().out.splitlines() if line.startswith("  $ "))
        assert shlex.split(line[4:]) == [sys.executable, "-c", "print('a  b')"] == list(record.command)


def test_a_repository_without_runs_has_none(repo: Path) -> None:
    track("init", cwd=repo).ok()
    assert track("runs", "list", cwd=repo).ok().err == "no runs\n"
    assert track("runs", "reap", cwd=repo).ok().err == "no run is lost\n"
    assert track("runs", "keep", "--all", cwd=repo).ok().err == "no run waits in the journal\n"
    assert track("runs", "list", "--status", "failed", cwd=repo).ok().err == "no runs\n"


def test_where_a_shallow_clone_begins_no_commit_is_said_to_have_recorded_it(here: Path) -> None:
    execute(here, "sh", "-c", "echo 1 > out.txt", outputs=("out.txt",))
    recorded = commit_all(here, "made")
    commit_all(here, "later")
    clone = here.parent / "clone"
    git("clone", "-q", "--depth=1", f"file://{here}", clone, cwd=here.parent)
    found = reason_for(clone, "out.txt")
    assert found.run is not None and found.recorded is None
    git("fetch", "-q", "--unshallow", cwd=clone)
    assert reason_for(clone, "out.txt").recorded == recorded


def test_a_run_that_copied_what_was_there_did_not_make_it(here: Path) -> None:
    (here / "raw.csv").write_text("3")
    track("add", "raw.csv", cwd=here).ok()
    copied = execute(here, "cp", "raw.csv", "copy.csv", inputs=("raw.csv",), outputs=("copy.csv",))
    found = reason_for(here, "raw.csv")
    assert (found.run, found.others) == (None, ())
    found = reason_for(here, "copy.csv")
    assert found.run is not None and found.run.record.id == copied.id
    made = execute(here, "sh", "-c", "printf 3 > made.csv", outputs=("made.csv",))
    again = execute(here, "cp", "made.csv", "again.csv", inputs=("made.csv",), outputs=("again.csv",))
    for path, maker in (("made.csv", made), ("again.csv", again), ("raw.csv", made)):
        found = reason_for(here, path)
        assert found.run is not None and found.run.record.id == maker.id
    assert [each.record.id for each in reason_for(here, "again.csv").others] == [made.id]
