"""Runs at the same time that write one path: it is told, and who wrote nothing to it does not have it as an output."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import write_tree
from track.flows.run_journal import journal_of
from track.model.record import Record
from track.project import Project

PYTHON = (sys.executable, "-c")
WAIT = """
import os, time
open("begun", "w").close()
while not os.path.exists("over"): time.sleep(0.02)
"""
WRITE = "open('out.csv', 'w').write('new')\n"


MOVED = "import os\nopen('new', 'w').write('newer')\nos.replace('new', 'out.csv')\n"
BY_SHELL = "import os\nos.system('name=out; printf newer > $name.csv')\n"
BY_PYTHON_TO_SHELL = f"import os\nos.system('{sys.executable} -c \"print(12345, end=str())\" > $PWD/out.csv')\n"
BY_FOLDER = "import os\nat = os.open('.', 0)\nos.replace('new', 'out.csv', src_dir_fd=at, dst_dir_fd=at)\n"


@pytest.fixture
def here(repo: Path) -> Path:
    """A file that is tracked, which runs write."""
    track("init", cwd=repo).ok()
    write_tree(repo, {"out.csv": b"old", ".git/info/exclude": b"begun\nstarted\nover\n"})
    track("add", "out.csv", cwd=repo).ok()
    commit_all(repo, "data")
    return repo


def beside(
    here: Path, outer: str, script: str, *options: str, long: tuple[str, ...] = PYTHON, there: Path | None = None
) -> tuple[dict[str, Record], dict[str, str]]:
    """The records of a run `long`, and of one `short` that begins and ends inside it, and what each said."""
    words = [sys.executable, "-m", "track", "run", *options, "--name"]
    said = {}
    with subprocess.Popen([*words, "long", "--", *long, outer], cwd=here, stderr=subprocess.PIPE, text=True) as begun:
        deadline = time.monotonic() + 60
        while not (here / "begun").exists():
            assert time.monotonic() < deadline and begun.poll() is None
            time.sleep(0.02)
        short = subprocess.run(
            [*words, "short", "--", *PYTHON, script], cwd=there or here, capture_output=True, text=True
        )
        (here / "over").touch()
        said = {"long": begun.communicate(timeout=60)[1], "short": short.stderr}
    with Project.open(here) as project:
        return {record.name: record for record in journal_of(project).ended()}, said


def outputs(record: Record) -> list[str]:
    return [used.shown for used in record.of("output") if used.path is not None]


@pytest.mark.parametrize("mode", ["auto", pytest.param("trace", marks=pytest.mark.needs("strace"))])
def test_what_another_run_wrote_meanwhile_is_no_output(here: Path, mode: str) -> None:
    records, said = beside(here, WAIT, WRITE, "--observe", mode)
    assert (outputs(records["long"]), outputs(records["short"])) == ([], ["out.csv"])
    told = f"`out.csv` was written by run short ({records['short'].short}) meanwhile, and is no output of this one"
    assert told in said["long"] and "out.csv" not in said["short"]
    assert records["short"].id in (here / "out.csv.track").read_text()


def test_what_a_run_that_goes_on_wrote_is_no_output_of_one_that_ends_before_it(here: Path) -> None:
    writes = WRITE.replace("new", "newer")
    outer = WAIT.replace("over", "started") + writes + 'while not os.path.exists("over"): time.sleep(0.02)\n'
    script = "import os, time\nopen('started', 'w').close()\nwhile os.path.getsize('out.csv') != 5: time.sleep(0.02)\n"
    records, said = beside(here, outer, script)
    assert (outputs(records["long"]), outputs(records["short"])) == (["out.csv"], [])
    assert f"`out.csv` was written by run long ({records['long'].short}) meanwhile" in said["short"]


@pytest.mark.parametrize("mode", ["auto", pytest.param("trace", marks=pytest.mark.needs("strace"))])
@pytest.mark.parametrize(
    "writes",
    [MOVED, MOVED.partition("os.replace")[0] + BY_FOLDER, BY_SHELL, BY_PYTHON_TO_SHELL],
    ids=["moved", "moved-in-a-folder", "by-a-shell", "by-a-python-to-a-shell"],
)
def test_what_was_moved_to_its_place_or_written_by_another_program_stays_an_output(
    here: Path, mode: str, writes: str
) -> None:
    outer = WAIT.replace("over", "started") + writes + 'while not os.path.exists("over"): time.sleep(0.02)\n'
    script = "import os, time\nopen('started', 'w').close()\nwhile os.path.getsize('out.csv') != 5: time.sleep(0.02)\n"
    records, said = beside(here, outer, script, "--observe", mode)
    assert outputs(records["long"]) == ["out.csv"] and "no output of this one" not in said["long"]


def test_what_a_library_moved_to_its_place_is_not_taken_for_what_a_run_made_that_was_not_seen_writing(
    here: Path,
) -> None:
    writes = "import ctypes\nopen('new', 'w').write('newer')\nctypes.CDLL(None).rename(b'new', b'out.csv')\n"
    outer = WAIT.replace("over", "started") + writes + 'while not os.path.exists("over"): time.sleep(0.02)\n'
    script = "import os, time\nopen('started', 'w').close()\nwhile os.path.getsize('out.csv') != 5: time.sleep(0.02)\n"
    records, said = beside(here, outer, script)
    assert outputs(records["long"]) == ["out.csv"]
    assert f"`out.csv` was written by run short ({records['short'].short}), too" in said["long"]


@pytest.mark.needs("strace")
def test_a_traced_program_that_moves_something_to_an_unknown_place_may_have_moved_it_to_any(here: Path) -> None:
    script = "touch begun; until [ -e started ]; do sleep 0.1; done; printf newer > new; sync; mv new out.csv;"
    script += " until [ -e over ]; do sleep 0.1; done"
    waits = "import os, time\nopen('started', 'w').close()\nwhile os.path.getsize('out.csv') != 5: time.sleep(0.02)\n"
    records, said = beside(here, script, waits, "--observe", "trace", long=("sh", "-c"))
    assert outputs(records["long"]) == ["out.csv"] and "no output of this one" not in said["long"]


def test_two_runs_that_both_wrote_it_are_told(here: Path) -> None:
    records, said = beside(here, WAIT + WRITE.replace("new", "newer"), WRITE)
    assert (outputs(records["long"]), outputs(records["short"])) == (["out.csv"], ["out.csv"])
    assert f"`out.csv` was written by run short ({records['short'].short}), too" in said["long"]


@pytest.mark.parametrize("from_main", [True, False], ids=["main", "linked"])
def test_a_run_in_another_working_tree_of_the_clone_is_no_other(here: Path, tmp_path: Path, from_main: bool) -> None:
    linked = tmp_path / "linked"
    git("worktree", "add", "-q", str(linked), cwd=here)
    track("checkout", cwd=linked).ok()
    long, short = (here, linked) if from_main else (linked, here)
    records, said = beside(long, WAIT + WRITE.replace("new", "newer"), WRITE, there=short)
    assert outputs(records["long"]) == outputs(records["short"]) == ["out.csv"]
    assert "run short" not in said["long"] and "run long" not in said["short"]


@pytest.mark.parametrize("written", ["new", "newer"])
def test_beside_another_working_tree_the_pointer_tells_who_wrote_here(here: Path, tmp_path: Path, written: str) -> None:
    git("worktree", "add", "-q", str(tmp_path / "linked"), cwd=here)
    records, said = beside(here, WAIT + WRITE.replace("new", written), WRITE)
    assert "run short" in said["long"] and outputs(records["long"]) == ["out.csv"]


def test_where_nothing_was_observed_nobody_is_believed_to_have_written_nothing(here: Path) -> None:
    records, said = beside(here, WAIT, WRITE, "--observe", "off")
    assert outputs(records["long"]) == ["out.csv"] and "run short" in said["long"]


def test_a_run_inside_a_run_is_no_other(here: Path) -> None:
    words = [sys.executable, "-m", "track", "run", "--name", "inner", "--", sys.executable, "-c", WRITE]
    inner = f"import subprocess; subprocess.run({words!r}, check=True)"
    done = track("run", "--name", "outer", "--", sys.executable, "-c", inner, cwd=here).ok()
    with Project.open(here) as project:
        records = {record.name: record for record in journal_of(project).ended()}
    assert "run inner" not in done.err and outputs(records["outer"]) == outputs(records["inner"]) == ["out.csv"]


def test_what_a_run_inside_a_run_inside_it_wrote_is_written_by_no_other(here: Path) -> None:
    script = WRITE
    for name in ("innermost", "inner"):
        words = [sys.executable, "-m", "track", "run", "--name", name, "--", sys.executable, "-c", script]
        script = f"import subprocess; subprocess.run({words!r}, check=True)"
    done = track("run", "--name", "outer", "--", sys.executable, "-c", script, cwd=here).ok()
    with Project.open(here) as project:
        made = {record.name: outputs(record) for record in journal_of(project).ended()}
    assert "run inner" not in done.err and made == {name: ["out.csv"] for name in ("outer", "inner", "innermost")}
