"""What a program in Python opens without Python is noticed, by itself and nobody else, and nothing is traced for it."""

import ast
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest

from support.cli import track_here as track
from support.repositories import commit_all
from support.trees import write_tree
from track.flows import run_artifacts
from track.flows.run_journal import journal_of
from track.project import Project
from track.runs import observe
from track.runs.injected.kernel_opens import CLOSED_READ, CLOSED_WRITTEN, OPENED, KernelOpens
from track.verbs.run import Asked, Ran, run

IN_C = """
import ctypes, os, subprocess, sys, time
library = ctypes.CDLL(None)
library.fopen.restype = ctypes.c_void_p
library.fclose.argtypes = (ctypes.c_void_p,)
def read(path):
    file = library.fopen(path.encode(), b"r")
    assert file
    library.fclose(file)
"""


@pytest.fixture
def here(repo: Path) -> Path:
    """Files and folders of many kinds that are tracked."""
    track("init", cwd=repo).ok()
    write_tree(repo, {"a.h5": b"a", "b.h5": b"b", "c.csv": b"c", "d/x.png": b"x", "d/deep/y": b"y", "e/z": b"z"})
    track("add", "a.h5", "b.h5", "c.csv", "d", "e", cwd=repo).ok()
    commit_all(repo, "data")
    return repo


@pytest.fixture
def untraced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `strace` that works, and says when it was called."""
    called = tmp_path / "called"
    write_tree(tmp_path, {"bin/strace": f'#!/bin/sh\necho >> {called}\nexec /usr/bin/strace "$@"\n'.encode()})
    (tmp_path / "bin/strace").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return called


def done(here: Path, script: str, **asked: object) -> Ran:
    with Project.open(here) as project:
        return run(project, (sys.executable, "-c", script), None, Asked(**asked), echo=lambda number, block: None)  # type: ignore[arg-type]


def inputs(ran: Ran) -> list[str]:
    assert ran.code == 0, ran
    assert {used.how for used in ran.record.of("input")} <= {"observed"} and ran.warnings == ()
    return sorted(used.shown for used in ran.record.of("input"))


def test_what_a_library_opens_is_an_input_whatever_its_kind_and_nothing_is_traced(here: Path, untraced: Path) -> None:
    ran = done(here, IN_C + "read('a.h5'); read('c.csv'); read('d/deep/y'); os.listdir('e')")
    assert inputs(ran) == ["a.h5", "c.csv", "d"] and not untraced.exists()


def test_images_of_opencv_and_arrays_of_hdf5_are_noticed(here: Path, untraced: Path) -> None:
    cv2.imwrite(str(here / "d/real.png"), np.zeros((4, 4, 3), np.uint8))
    with h5py.File(here / "a.h5", "w") as file:
        file["x"] = np.arange(3)
    track("add", "a.h5", "d", cwd=here).ok()
    ran = done(here, "import cv2, h5py\nassert cv2.imread('d/real.png').shape == (4, 4, 3)\nh5py.File('a.h5')['x'][0]")
    assert inputs(ran) == ["a.h5", "d"] and not untraced.exists()


def test_what_is_only_written_is_no_input_however_it_is_opened(here: Path) -> None:
    script = """
import ctypes, mmap, cv2, h5py, numpy as np
open("c.csv", "w").write("new")
h5py.File("a.h5", "w")["x"] = [1, 2]
kept = h5py.File("b.h5", "w")
cv2.imwrite("d/x.png", np.zeros((2, 2), np.uint8))
library = ctypes.CDLL(None)
held = library.open(b"e/z", 0)
"""
    ran = done(here, script)
    assert inputs(ran) == ["e"]
    outputs = [used.shown for used in ran.record.of("output") if used.path is not None]
    assert sorted(outputs) == ["a.h5", "b.h5", "c.csv", "d"]


def test_what_another_program_opens_meanwhile_is_no_input(here: Path) -> None:
    script = (
        IN_C
        + """
read("a.h5")
open("ready", "w").close()
while os.path.exists("ready"): time.sleep(0.01)
read("c.csv")
"""
    )
    with Project.open(here) as project:
        state = project.state
    other = subprocess.Popen(
        [
            sys.executable,
            "-c",
            """
import os, time
while not os.path.exists("ready"): time.sleep(0.01)
open("b.h5").read(), open("e/z").read()
os.unlink("ready")
""",
        ],
        cwd=here,
    )
    try:
        assert inputs(done(here, script)) == ["a.h5", "c.csv"] and state.is_dir()
    finally:
        assert other.wait(timeout=60) == 0


WORKERS = {
    "fork": "child = os.fork()\nif not child: read('b.h5'); sys.exit()\nos.waitpid(child, 0)",
    "multiprocessing": "import multiprocessing as m\nif __name__ == '__main__':\n"
    " w = m.get_context('fork').Process(target=read, args=('b.h5',)); w.start(); w.join()",
    "pool": "import concurrent.futures as f, multiprocessing as m\nif __name__ == '__main__':\n"
    " with f.ProcessPoolExecutor(2, m.get_context('fork')) as pool: list(pool.map(read, ['b.h5', 'c.csv']))",
    "program": "subprocess.run([sys.executable, '-c', IN_C + 'read(\"b.h5\")'], check=True)",
    "exec": "os.execv(sys.executable, [sys.executable, '-c', IN_C + 'read(\"b.h5\")'])",
}


@pytest.mark.parametrize("how", WORKERS)
def test_what_its_own_processes_open_is_an_input(here: Path, how: str) -> None:
    more = ["c.csv"] if how == "pool" else []
    assert inputs(done(here, f"{IN_C}\nIN_C = '''{IN_C}'''\nread('a.h5')\n{WORKERS[how]}")) == ["a.h5", "b.h5", *more]


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("subprocess.run(['cat', 'c.csv'])", "`c.csv` was"),
        ("subprocess.run(['cat', b'./d/../c.csv', os.path.abspath('a.h5')])", "`a.h5`, `c.csv` was"),
        ("subprocess.run('sort --output=/dev/null \"e/z\"', shell=True)", "`e` was"),
        ("subprocess.run(['cat', 'z'], cwd='e')", "`e` was"),
        ("os.system('cat<c.csv')", "`c.csv` was"),
        ("os.spawnlp(os.P_WAIT, 'cat', 'cat', 'c.csv')", "`c.csv` was"),
        ("os.waitpid(os.posix_spawn('/bin/cat', ['cat', 'c.csv'], os.environ), 0)", "`c.csv` was"),
        ("os.execvp('cat', ['cat', 'c.csv'])", "`c.csv` was"),
        ("subprocess.run(['cat', '/dev/null', 'nothing'], stderr=subprocess.DEVNULL)", None),
        ("open('c.csv').close(); subprocess.run(['cat', 'c.csv'])", None),
        ("subprocess.run([sys.executable, '-c', 'open(\"c.csv\").close()', 'c.csv'])", None),
        ("subprocess.run(['sh', '-c', 'echo more >> c.csv'])", None),
        ("subprocess.run(['cat', '-'] + ['x' * 100] * 10_000, stdin=-3, stderr=-3)", None),
    ],
)
def test_data_that_python_names_to_another_program_is_told_when_nothing_saw_it_opened(
    here: Path, script: str, told: str | None
) -> None:
    ran = done(here, "import os, subprocess, sys\n" + script)
    if told is None:
        assert ran.warnings == () and ran.code == 0
    else:
        (warning,) = ran.warnings
        assert warning.startswith(told) and "--observe trace" in warning and ran.record.of("input") == ()


@pytest.mark.needs("strace")
def test_what_is_traced_or_named_as_an_input_is_not_told_of(here: Path) -> None:
    script = "import subprocess; subprocess.run(['cat', 'c.csv'])"
    assert inputs(done(here, script, observe="trace")) == ["c.csv"]
    ran = done(here, script, inputs=["c.csv"])
    assert [used.how for used in ran.record.of("input")] == ["declared"] and ran.warnings == ()


def test_a_program_that_is_killed_has_noted_what_it_opened_a_moment_before(here: Path) -> None:
    ran = done(here, IN_C + "read('a.h5'); time.sleep(0.3); open('c.csv').close(); os.kill(os.getpid(), 9)")
    assert ran.code == 137 and sorted(used.shown for used in ran.record.of("input")) == ["a.h5", "c.csv"]


@pytest.mark.needs("strace")
@pytest.mark.parametrize("name", ["KILL", "PIPE", "SEGV", "TERM"])
def test_of_a_program_that_a_signal_ends_the_tracer_writes_the_end(tmp_path: Path, name: str) -> None:
    watched = observe.watch(("sh",), tmp_path, tmp_path, mode="trace", variables=os.environ)
    process = subprocess.Popen([*watched.prefix, "sh", "-c", f"kill -{name} $$"], env={**os.environ})
    assert process.wait(60) < 0
    observe.wait_for_trace(tmp_path, process.pid)  # which would be for seconds
    assert f" +++ killed by SIG{name}" in (tmp_path / "traced").read_text()


def test_a_program_that_closes_all_that_it_did_not_open_keeps_its_own_files(here: Path) -> None:
    script = (
        IN_C
        + """
os.closerange(3, 100)
own = [os.open(f"own{n}", os.O_RDWR | os.O_CREAT) for n in range(8)]
for fd in own: os.write(fd, b"mine"); os.lseek(fd, 0, 0)
time.sleep(0.2)
open("c.csv").close()
assert [os.read(fd, 100) for fd in own] == [b"mine"] * 8
"""
    )
    assert inputs(done(here, script)) == ["c.csv"]
    assert [(here / f"own{n}").read_bytes() for n in range(8)] == [b"mine"] * 8


def test_more_than_can_be_watched_is_traced_where_libraries_open_it(
    here: Path, untraced: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_artifacts, "_WATCHED", 2)
    assert inputs(done(here, IN_C + "read('a.h5'); read('e/z')")) == ["a.h5", "e"] and untraced.exists()


@pytest.mark.parametrize("mode", ["auto", "python"])
def test_where_the_kernel_does_not_tell_python_is_traced_for_such_data(
    here: Path, untraced: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr(observe, "kernel_tells", lambda top: False)
    found = inputs(done(here, IN_C + "read('a.h5'); open('c.csv').close()", observe=mode))
    assert found == (["a.h5", "c.csv"] if mode == "auto" else ["c.csv"]) and untraced.exists() == (mode == "auto")


@pytest.mark.parametrize("options", ["-I", "-S", "-E", "-uS", "-W error -I", "-Xdev -bE"])
def test_python_that_is_told_to_hear_nobody_is_traced(here: Path, untraced: Path, options: str) -> None:
    command = (sys.executable, *options.split(), "-c", "open('c.csv').close()")
    with Project.open(here) as project:
        ran = run(project, command, None, Asked(), echo=lambda number, block: None)
    assert inputs(ran) == ["c.csv"] and untraced.exists()


@pytest.mark.parametrize(
    "words", ["", "-c -I", "-mrun -S", "-W E x.py", "-XI x.py", "x.py -I", "- -S", "--check-hash-based-pycs never -O x"]
)
def test_what_is_the_program_s_own_says_nothing_to_python(words: str) -> None:
    assert not observe.is_deaf(("python", *words.split()))


def test_an_old_python_is_told_nothing_and_says_nothing(here: Path) -> None:
    # before 3.9 the types of functions cannot be evaluated, where they are not in quotes; before 3.8 there is no hook
    source = (observe._INJECTED / "python_opens.py").read_text("utf-8")
    for each in ast.walk(ast.parse(source, feature_version=(3, 6))):
        if isinstance(each, ast.FunctionDef):
            types = [each.returns, *(one.annotation for one in each.args.args)]
            plain = [part for part in types if isinstance(part, ast.Subscript)]
            assert {ast.unparse(part.value) for part in plain} == set(), each.name
    assert b"N1" in _notes_of_an_old_python(here, "del sys.addaudithook")


def test_a_python_that_cannot_read_what_notices_says_nothing(here: Path) -> None:
    source = (observe._INJECTED / "sitecustomize.py").read_text("ascii")
    for each in ast.walk(ast.parse(source, feature_version=(3, 4))):  # all of it is Python 2, too
        assert not isinstance(each, (ast.JoinedStr, ast.AnnAssign, ast.arg, ast.Nonlocal, ast.Raise)) or (
            isinstance(each, ast.Raise) and each.cause is None
        )
    assert _notes_of_an_old_python(here, "sys.modules['python_opens'] = None") == [b"N1", b""]


def _notes_of_an_old_python(here: Path, without: str) -> list[bytes]:
    """What is noted by this Python in the state of an old one, which says nothing."""
    script = f"import sys, runpy; {without}; sys.path.insert(0, sys.argv[1]); runpy.run_path(sys.argv[2])"
    notes = here / "notes"
    notes.touch()
    told = {**os.environ, "TRACK_OBSERVED": str(notes), "TRACK_OBSERVED_TOP": str(here)}
    injected = observe._INJECTED
    old = [sys.executable, "-c", script, str(injected), str(injected / "sitecustomize.py")]
    ran = subprocess.run(old, env=told, check=True, capture_output=True)
    assert (ran.stdout, ran.stderr) == (b"", b"")
    return notes.read_bytes().split(b"\0")


@pytest.mark.parametrize("observe", ["auto", "python"])
def test_whichever_python_runs_prints_what_it_prints_without_us(
    here: Path, monkeypatch: pytest.MonkeyPatch, observe: str
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # one of 2.7 writes beside the source
    names = [f"python{version}" for version in ("2.7", *(f"3.{minor}" for minor in range(6, 16)))]
    found = {shutil.which(name) for name in names} | {sys.executable}
    found |= set(map(str, Path(pwd.getpwuid(os.getuid()).pw_dir, ".pyenv/versions").glob("*/bin/python")))
    (here / "it.py").write_text("import sys; open('c.csv').close(); sys.stderr.write('error'); sys.exit(3)")
    for python in filter(None, found):
        version = subprocess.run([python, "-V"], capture_output=True)
        if version.returncode:  # what stands for one that is chosen elsewhere
            continue
        heard: list[tuple[int, bytes]] = []
        with Project.open(here) as project:
            ran = run(
                project, (python, "it.py"), None, Asked(observe=observe), echo=lambda *told, to=heard: to.append(told)
            )
        assert (ran.code, heard) == (3, [(2, b"error")]), version
        is_old = (version.stdout or version.stderr).startswith((b"Python 2", b"Python 3.6", b"Python 3.7"))
        assert bool(ran.warnings) == (is_old and observe == "python"), version
        assert [used.shown for used in ran.record.of("input")] == ["c.csv"] or ran.warnings, version


def test_a_python_before_3_8_is_traced_whatever_its_name(here: Path, untraced: Path) -> None:
    write_tree(here, {"bin/python3.7": f'#!/bin/sh\nexec {sys.executable} "$@"\n'.encode()})
    (here / "bin/python3.7").chmod(0o755)
    (here / "bin/python").symlink_to("python3.7")
    for name in ("python", "python3.7"):
        with Project.open(here) as project:
            words = (str(here / "bin" / name), "-c", "open('c.csv').close()")
            ran = run(project, words, None, Asked(), echo=lambda number, block: None)
        assert inputs(ran) == ["c.csv"] and untraced.exists()
        untraced.unlink()


@pytest.mark.parametrize("is_traced", [False, True])
def test_what_the_kernel_would_not_tell_is_missing_only_where_nothing_is_traced(
    tmp_path: Path, is_traced: bool
) -> None:
    (tmp_path / observe._NOTES).write_bytes(b"N3\0")
    if is_traced:
        (tmp_path / observe._TRACE).touch()
    assert observe.observed(tmp_path, tmp_path).unwatched_count == (0 if is_traced else 3)


def test_a_run_that_is_traced_is_not_told_to_be_traced(here: Path) -> None:
    ran = done(here, "import subprocess; open('c.csv').close()", observe="trace")
    assert inputs(ran) == ["c.csv"]
    few = "import resource, subprocess, sys; few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (5, 5));"
    child = "subprocess.run([sys.executable, '-c', 'open(\"c.csv\").close()'], preexec_fn=few, check=True)"
    assert inputs(done(here, few + child, observe="trace")) == ["c.csv"]


@pytest.mark.parametrize(
    ("content", "said"),
    [("import a_module_that_is_not_there", b"a_module_that_is_not_there"), ("print('mine')", b"")],
)
def test_a_sitecustomize_of_one_s_own_runs_and_its_failure_is_told_as_without_us(
    here: Path, monkeypatch: pytest.MonkeyPatch, content: str, said: bytes
) -> None:
    write_tree(here, {"own/sitecustomize.py": content.encode()})
    monkeypatch.setenv("PYTHONPATH", str(here / "own"))
    heard: list[tuple[int, bytes]] = []
    with Project.open(here) as project:
        run(project, (sys.executable, "-c", "0"), echo=lambda number, block: heard.append((number, block)))
    alone = subprocess.run([sys.executable, "-c", "0"], check=True, capture_output=True)
    assert b"".join(block for number, block in heard if number == 1) == alone.stdout
    assert b"".join(block for number, block in heard if number == 2) == alone.stderr
    assert said in alone.stderr


def test_where_a_limit_forbids_to_watch_that_is_told_and_nothing_breaks(here: Path) -> None:
    script = """
import resource, subprocess, sys
few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (5, 5))
subprocess.run([sys.executable, "-c", "open('c.csv').close()"], preexec_fn=few, check=True)
"""
    ran = done(here, script)
    assert ran.code == 0 and [used.shown for used in ran.record.of("input")] == ["c.csv"]
    assert [text for text in ran.warnings if "does not tell of all files" in text] == list(ran.warnings) != []


def test_one_process_is_told_of_its_opens_once_and_of_nobody_else_s(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a": b"", "b": b"", "d/x": b"", "d/y": b"", "d/e/z": b""})
    names = [os.fsencode(tmp_path / name) for name in ("a", "b", "d", "d/e")]
    opens = KernelOpens(names[:2], names[2:])
    try:
        for name in ("a", "a", "d/x", "d/y", "d/e/z"):
            (tmp_path / name).read_bytes()
        subprocess.run(["cat", tmp_path / "b"], check=True)
        assert opens.take() == dict.fromkeys((names[0], names[2], names[3]), OPENED | CLOSED_READ)
        assert opens.take() == {}
        os.link(tmp_path / "b", tmp_path / "same")
        (tmp_path / "same").read_bytes()
        os.listdir(tmp_path / "d")
        assert opens.take() == {}
        (tmp_path / "d/x").write_bytes(b"x")
        with open(tmp_path / "a", "ab"), open(tmp_path / "b", "rb"):
            assert opens.take() == {names[0]: OPENED, names[1]: OPENED, names[2]: OPENED | CLOSED_WRITTEN}
            assert opens.written() == {names[0]: CLOSED_WRITTEN}
    finally:
        opens.close()
    gone = KernelOpens([os.fsencode(tmp_path / "none")], [os.fsencode(tmp_path / "none")])
    assert gone.take() == {} and gone.left_out_count == 0
    gone.close()


@pytest.mark.parametrize("observe", ["auto", "python", "off"])
def test_the_file_that_is_standard_input_is_an_input_of_whatever_runs(here: Path, observe: str) -> None:
    words = (sys.executable, "-m", "track", "run", "--no-keep", "--name", "x", "--observe", observe, "--", "wc", "-c")
    with open(here / "d/deep/y", "rb") as file:
        assert subprocess.run(words, cwd=here, stdin=file, capture_output=True, check=True).stdout == b"1\n"
    with Project.open(here) as project:
        (record,) = journal_of(project).ended()
    assert [used.shown for used in record.of("input")] == ([] if observe == "off" else ["d"])


def test_what_a_command_names_is_told_where_nothing_sees_what_it_opens(here: Path) -> None:
    with Project.open(here / "d") as project:
        words = ("sh", "-c", 'cat <../c.csv; cat x.png >/dev/null; : "$0"', "no/such")
        ran = run(project, words, None, Asked(observe="python"), echo=lambda number, block: None)
    assert [text for text in ran.warnings if text.startswith("`c.csv`, `d` was named")] and not ran.record.of("input")
    with Project.open(here / "d") as project:
        asked = Asked(observe="python", inputs=("x.png", "../c.csv"))
        assert run(project, words, None, asked, echo=lambda number, block: None).warnings == ()
