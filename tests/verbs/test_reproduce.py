"""Rerun and reproduce: a run again, here or as it was, and what came of it."""

import json
import sys
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import write_tree
from track.errors import CommandNotFound, UsageError
from track.flows.run_journal import journal_of
from track.model.words import head_of
from track.project import Project
from track.verbs.reproduce import Reproduced, reproduce
from track.verbs.rerun import Changes, rerun


@pytest.fixture
def here(repo: Path) -> Path:
    track("init", cwd=repo).ok()
    write_tree(repo, {"make.sh": b"cat in.csv > out.csv; echo $1 >> out.csv; echo told\n", "in.csv": b"a,b\n1,2\n"})
    track("add", "in.csv", cwd=repo).ok()
    commit_all(repo, "data")
    return repo


def again(here: Path, name: str, **options: bool) -> Reproduced:
    with Project.open(here) as project:
        return reproduce(project, name, echo=lambda number, block: None, **options)


def kinds(done: Reproduced) -> list[tuple[str, str]]:
    return [(each.path.decode(), each.kind) for each in done.verdicts]


def test_a_run_is_reproduced_whatever_happened_to_code_and_data_since(here: Path) -> None:
    track("run", "--name", "r", "-i", "in.csv", "-o", "out.csv", "--", "sh", "make.sh", "x", cwd=here).ok()
    commit_all(here, "run")
    write_tree(here, {"make.sh": b"exit 9\n", "in.csv": b"other\n", "out.csv": b"mine\n"})
    before = git("status", "--short", cwd=here)
    done = track("reproduce", "r", cwd=here).ok()
    assert done.out == "same  out.csv  the same bytes\n" and "1 of 1 output came again" in done.err
    assert git("status", "--short", cwd=here) == before and (here / "out.csv").read_bytes() == b"mine\n"
    with Project.open(here) as project:
        assert len(list(journal_of(project).ended())) == 1 and journal_of(project).living() == []
    assert git("worktree", "list", cwd=here).count("\n") == 1


WRITER = """
import sys, time, json
turn = time.time_ns() % 1_000_000_007
{body}
"""


@pytest.mark.parametrize(
    ("name", "body", "kind", "why"),
    [
        ("o.json", "open('o.json', 'w').write('{\"a\": [1, 2]}' + ' ' * (turn % 97 + 1))", "equivalent", "JSON value"),
        (
            "o.csv",
            "open('o.csv', 'w').write('a,b\\n' + f'1.{\"0\" * (turn % 13 + 1)},\"x\"\\n')",
            "equivalent",
            "table",
        ),
        ("o.txt", "open('o.txt', 'w').write('one' + ' ' * (turn % 97) + '\\ntwo\\n')", "equivalent", "the same text"),
        ("o.bin", "open('o.bin', 'w').write(str(turn))", "different", "other bytes"),
        ("o.json", "open('o.json', 'w').write(json.dumps(turn))", "different", "other bytes"),
        ("o.csv", "open('o.csv', 'w').write(f'a\\n{turn}\\n')", "different", "other bytes"),
    ],
)
def test_what_has_other_bytes_is_judged_by_its_format(here: Path, name: str, body: str, kind: str, why: str) -> None:
    write_tree(here, {"w.py": WRITER.format(body=body).encode()})
    track("run", "--name", "r", "-o", name, "--", sys.executable, "w.py", cwd=here).ok()
    for _ in range(20):
        done = again(here, "r")
        if done.verdicts[0].kind != "same":  # else the clock gave the same number twice
            break
    assert kinds(done) == [(name, kind)] and why in done.verdicts[0].why
    assert done.is_reproduced == (kind == "equivalent")


def test_directories_are_judged_file_by_file(here: Path) -> None:
    body = (
        "import os; os.mkdir('o'); open('o/same', 'w').write('s'); "
        "open('o/j.json', 'w').write('[1]' + ' ' * (turn % 97 + 1))"
    )
    write_tree(here, {"w.py": WRITER.format(body=body).encode()})
    track("run", "--name", "r", "-o", "o", "--", sys.executable, "w.py", cwd=here).ok()
    assert again(here, "r").verdicts[0].kind in ("equivalent", "same")
    write_tree(here, {"w.py": WRITER.format(body=body + "; open(f'o/{turn}', 'w').write('x')").encode()})
    git("rm", "-rfq", "--cached", "o.track", cwd=here)
    for file in (here / "o").iterdir():
        file.unlink()
    (here / "o").rmdir()
    track("run", "--name", "s", "-o", "o", "--", sys.executable, "w.py", cwd=here).ok()
    (found,) = again(here, "s").verdicts
    assert found.kind == "different" and found.why.startswith("other files: ")


def test_an_output_that_is_not_written_again_and_another_exit_code_are_told(here: Path) -> None:
    outside = here.parent / "flag"
    outside.touch()
    script = f"test -e {outside} || exit 4; echo x > o"
    track("run", "--name", "r", "-o", "o", "--", "sh", "-c", script, cwd=here).ok()
    outside.unlink()
    done = track("reproduce", "r", "--json", cwd=here)
    assert done.code == 1
    told = json.loads(done.out)
    assert (told["exit"], told["recorded_exit"], told["reproduced"]) == (4, 0, False)
    assert told["outputs"][0]["verdict"] == "missing" and told["outputs"][0]["now"] is None
    shown = track("reproduce", "r", cwd=here)
    assert shown.code == 1 and "ended with 4, and had ended with 0" in shown.out and "track env diff" in shown.err


def test_what_a_run_changed_in_place_is_made_again_from_what_it_was(here: Path) -> None:
    track("run", "--name", "r", "-i", "in.csv", "--", "sh", "-c", "echo more >> in.csv", cwd=here).ok()
    assert kinds(again(here, "r")) == [("in.csv", "same")]


def test_what_a_program_saved_to_the_run_alone_is_told_as_not_compared(here: Path) -> None:
    script = "import track\nrun = track.Run()\nrun.init()\nrun.save_object(1, 'output', 'sum')\nprint('told')\n"
    write_tree(here, {"save.py": script.encode()})
    track("run", "--name", "r", "-o", "out", "--", "sh", "-c", f"{sys.executable} save.py; echo 1 > out", cwd=here).ok()
    done = track("reproduce", "r", cwd=here).ok()
    assert "1 of 1 output came again" in done.err
    assert "not compared, as a program saved it to the run alone: sum\n" in done.err
    document = track("reproduce", "r", "--json", cwd=here).ok().json
    assert (document["not_compared"], document["not_there"]) == (["sum"], [])


def test_what_cannot_be_executed_again_is_said(here: Path) -> None:
    track("run", "--name", "secret", "--", "true", "--token", "abcdefgh", cwd=here).ok()
    with pytest.raises(UsageError, match="held a secret"):
        again(here, "secret")
    write_tree(here, {"tool": b"#!/bin/sh\n"})
    (here / "tool").chmod(0o755)
    with open(here / ".git/info/exclude", "a") as file:
        file.write("tool\n")
    track("run", "--name", "tool", "--", "./tool", cwd=here).ok()
    with pytest.raises(CommandNotFound):
        again(here, "tool")
    assert git("worktree", "list", cwd=here).count("\n") == 1


def test_a_dirty_run_with_an_untracked_binary_is_reproduced_in_another_clone(here: Path, tmp_path: Path) -> None:
    (tmp_path / "remote").mkdir()
    track("remote", "add", "origin", tmp_path / "remote", cwd=here).ok()
    commit_all(here, "remote")
    write_tree(here, {"tool.bin": bytes(range(256)) * 40, "make.sh": b"cat tool.bin in.csv | cksum > sums.txt\n"})
    track("run", "--name", "r", "-i", "in.csv", "-o", "sums.txt", "--", "sh", "make.sh", cwd=here).ok()
    git("add", ".track", "*.track", ".gitignore", cwd=here)
    git("commit", "-q", "-m", "run", "--", ".track", "sums.txt.track", ".gitignore", cwd=here)
    track("push", cwd=here).ok()
    other = tmp_path / "other"
    git("clone", "-q", here, other, cwd=tmp_path)
    track("remote", "add", "origin", tmp_path / "remote", cwd=other)
    track("pull", "--yes", cwd=other).ok()
    assert not (other / "tool.bin").exists() and b"cat in.csv" in (other / "make.sh").read_bytes()
    refused = track("reproduce", "r", "--yes", cwd=other)
    assert refused.code == 4 and "--fetch" in refused.err
    done = track("reproduce", "r", "--fetch", "--yes", cwd=other).ok()
    assert done.out == "same  sums.txt  the same bytes\n" and not (other / "tool.bin").exists()


def test_a_rerun_is_a_run_of_its_own_with_what_is_here_now(here: Path) -> None:
    words = ("-i", "in.csv", "-o", "out.csv", "-p", "lr=0.1", "--tag", "t", "--folder", "/f")
    track("run", "--name", "r", *words, "--", "sh", "make.sh", "x", cwd=here).ok()
    write_tree(here, {"in.csv": b"now\n"})
    (here / "sub").mkdir()
    with Project.open(here / "sub") as project:
        done = rerun(project, "r", echo=lambda number, block: None).ran.record
        first = journal_of(project).find_ended(str(done.metadata["rerun_of"]))
    assert (here / "out.csv").read_bytes() == b"now\nx\n" and first is not None and first.name == "r"
    assert (done.command, done.params, done.tags, done.folder) == (first.command, {"lr": 0.1}, ("t",), "/f")
    assert [used.how for used in (*done.of("input"), *done.of("output")) if used.path] == ["declared", "declared"]
    told = track("rerun", "r", "-p", "lr=0.2", "--name", "two", "--", "y", cwd=here).ok()
    assert "as run r: sh make.sh y" in told.err and (here / "out.csv").read_bytes() == b"now\ny\n"
    with Project.open(here) as project:
        (second,) = [record for record in journal_of(project).ended() if record.name == "two"]
    assert second.params == {"lr": 0.2} and second.command == ("sh", "make.sh", "y")


def test_a_rerun_needs_a_command_that_is_whole_and_its_folder(here: Path) -> None:
    track("run", "--name", "secret", "--", "true", "--token", "abcdefgh", cwd=here).ok()
    with Project.open(here) as project:
        with pytest.raises(UsageError, match="held a secret"):
            rerun(project, "secret", echo=lambda number, block: None)
        assert rerun(project, "secret", Changes(["--token", "x"]), echo=lambda number, block: None).ran.code == 0
    (here / "sub").mkdir()
    track("run", "--name", "sub", "--", "true", cwd=here / "sub").ok()
    (here / "sub").rmdir()
    refused = track("rerun", "sub", cwd=here)
    assert refused.code == 2 and "no folder here" in refused.err
    track("run", "--name", "fails", "--", "sh", "-c", "exit 5", cwd=here)
    assert track("rerun", "fails", cwd=here).code == 5


@pytest.mark.parametrize("place", ["../outside", "/", ".git"])
def test_a_record_cannot_have_its_command_stand_outside_of_the_repository(here: Path, place: str) -> None:
    (here.parent / "outside").mkdir()
    track("run", "--name", "r", "--", "touch", "made", cwd=here).ok()
    record = next((here / ".track/runs").rglob("*.toml"))
    record.write_text(record.read_text().replace("\ncommand = ", f'\ncwd = "{place}"\ncommand = '))
    journal = next((here / ".git").rglob("journal/*/*.toml"))
    journal.unlink()
    commit_all(here, "planted")
    (here / "made").unlink(missing_ok=True)
    refused = track("rerun", "r", cwd=here)
    assert refused.code == 7 and "in which the command would stand" in refused.err
    assert not (here.parent / "outside/made").exists() and not (here / ".git/made").exists()


@pytest.mark.parametrize(
    ("command", "count"),
    [
        ("./tool a b", 1),
        ("python train.py --epochs 3", 2),
        ("/usr/bin/python3.11 -W error -u train.py x", 5),
        ("python -m pkg.train x", 3),
        ("sh -c true x", 3),
        ("bash script.sh x", 2),
        ("Rscript fit.R 1", 2),
        ("java -jar a.jar x", 3),
        ("python", 1),
    ],
)
def test_the_head_of_a_command_is_its_program_or_script(command: str, count: int) -> None:
    words = command.split()
    assert head_of(words) == tuple(words[:count])
