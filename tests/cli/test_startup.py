"""Start-up is fast by structure: what is asked often never loads what is heavy."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.cli import track
from support.heavy import HEAVY
from support.repositories import commit_all


def loaded(*arguments: str, cwd: Path) -> set[str]:
    """The modules that `track arguments` loads in a process of its own."""
    code = (
        "import atexit, sys\n"
        f"sys.argv = ['track', *{arguments!r}]\n"
        "atexit.register(lambda: sys.stderr.write('\\n' + ' '.join(sys.modules)))\n"
        "from track.__main__ import main\n"
        "sys.exit(main())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split())


@pytest.fixture
def project(repo: Path) -> Path:
    """A repository with track set up in it and one small artifact."""
    track("init", cwd=repo).ok()
    (repo / "a.csv").write_text("x\n1\n")
    track("add", "a.csv", cwd=repo).ok()
    return repo


def test_version_loads_neither_click_nor_anything_of_ours_below_the_door(tmp_path: Path) -> None:
    found = loaded("--version", cwd=tmp_path)
    assert {name for name in found if name.split(".")[0] == "track"} == {"track", "track.__main__"}
    assert not found & (HEAVY | {"click", "sqlite3", "blake3", "subprocess", "typing"})


def test_help_loads_no_command_and_nothing_heavy(tmp_path: Path) -> None:
    found = loaded(cwd=tmp_path)
    assert not found & (HEAVY | {"sqlite3", "blake3", "subprocess", "track.project"})


@pytest.mark.parametrize("arguments", [("status",), ("status", "--porcelain"), ("ls",), ("diff",)], ids=" ".join)
def test_asking_verbs_load_nothing_heavy(arguments: tuple[str, ...], project: Path) -> None:
    assert not loaded(*arguments, cwd=project) & (HEAVY | {"track.model.record"})  # few read records of runs


def test_the_public_names_load_when_they_are_asked_for() -> None:
    code = (
        "import sys, track\n"
        "assert not [name for name in sys.modules if name.startswith('track.')]\n"
        "assert [getattr(track, name) for name in track.__all__]\n"
        "assert set(track.__all__) == set(dir(track))\n"
        "try: track.nonsense\n"
        "except AttributeError: pass\n"
        "else: raise SystemExit('found nonsense')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("module", "arguments"),
    [("track.__main__", ["track", "status"]), ("track.cli.hook", ["track-hook", "post-merge", "0"])],
    ids=["track", "track-hook"],
)
def test_the_collector_of_cycles_looks_seldom_and_not_at_the_end(
    module: str, arguments: list[str], project: Path
) -> None:
    code = (
        "import atexit, gc, sys\n"
        f"sys.argv = {arguments!r}\n"
        "def tell():\n"
        "    sys.stderr.write(f'\\n{gc.get_threshold()[0]} {gc.get_freeze_count()} {len(gc.get_objects())}')\n"
        "atexit.register(tell)\n"
        f"from {module} import main\n"
        "sys.exit(main())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    waits, frozen, left = map(int, done.stderr.splitlines()[-1].split())
    assert waits >= 50_000  # loading all of a command makes some 32,000 objects
    assert frozen > 10 * left


@pytest.mark.parametrize(
    "arguments", [("runs", "list"), ("runs", "list", "--json"), ("runs", "show", "x")], ids=" ".join
)
def test_asking_for_runs_loads_nothing_heavy(arguments: tuple[str, ...], project: Path) -> None:
    track("run", "--name", "x", "--", "true", cwd=project).ok()
    found = loaded(*arguments, cwd=project)
    assert not found & (HEAVY | {"track.flows.running", "track.store.remote", "track.history.gitrepo"})


@pytest.mark.parametrize("arguments", [("list",), ("show", "x"), ("values", "x"), ("schema", "x")], ids=" ".join)
def test_asking_for_named_artifacts_loads_no_gitpython(arguments: tuple[str, ...], project: Path) -> None:
    track("put", "x", "--value", "1", cwd=project).ok()
    assert not loaded("artifacts", *arguments, cwd=project) & (HEAVY | {"git", "track.history.gitrepo"})


def test_a_run_loads_neither_gitpython_nor_the_catalog_nor_what_reaches_a_remote(project: Path) -> None:
    found = loaded("run", "-q", "--", "true", cwd=project)
    assert not found & (HEAVY | {"track.store.remote", "track.history.gitrepo", "track.history.catalog"})


@pytest.mark.parametrize("arguments", [("log", "metric", "x=1"), ("log", "event", "said")], ids=" ".join)
def test_logging_from_a_shell_loads_neither_gitpython_nor_what_places_files(
    arguments: tuple[str, ...], project: Path
) -> None:
    run = track("runs", "create", "--start", cwd=project).ok().out.strip()
    found = loaded(*arguments, "--run", run, cwd=project)
    assert found & {"git", "track.flows.bring", "track.flows.keep", "track.flows.run_end"} == set()


@pytest.mark.parametrize("arguments", [("find",), ("find", "--runs", "tag = gold")], ids=" ".join)
def test_finding_loads_neither_what_is_heavy_nor_what_begins_a_run_nor_the_store(
    arguments: tuple[str, ...], project: Path
) -> None:
    # Whoever starts Git has `model.secrets` for what it says; nothing of it is compiled before that.
    beginning = {"track.flows.run_start", "track.flows.run_code", "track.history.code_tree"}
    track("find", cwd=project).ok()
    commit_all(project)
    assert not loaded(*arguments, cwd=project) & (HEAVY | beginning | {"track.store.objects"})
    assert "hashlib" not in loaded(*arguments, cwd=project)  # the catalog has been told of that commit by then


def test_finding_compiles_no_expression_and_makes_few_classes_before_it_looks(project: Path) -> None:
    code = (
        "import dataclasses, re, sys\n"
        "made = []\n"
        "compile, make = re.compile, dataclasses._process_class\n"
        "def compiled(text, flags=0):\n"
        "    made.append(text) if sys._getframe(1).f_globals['__name__'].startswith('track.') else None\n"
        "    return compile(text, flags)\n"
        "def processed(cls, *rest):\n"
        "    made.append(cls.__name__)\n"
        "    return make(cls, *rest)\n"
        "re.compile, dataclasses._process_class = compiled, processed\n"
        "import track.cli.main, track.cli.commands.find\n"
        "sys.stdout.write(' '.join(map(str, made)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"Summary", "Series", "Record", "Pointer", "Found"}


def test_runs_has_all_its_commands_whenever_they_are_loaded(project: Path) -> None:
    told = track("runs", "--help", cwd=project).ok().out
    for name in ("list", "show", "compare", "keep", "drop", "reap", "create", "start", "close", "abort", "get"):
        assert f"\n  {name} " in told
        assert f"track runs {name}" in track("runs", name, "--help", cwd=project).ok().out


def test_loading_a_command_loads_nothing_of_what_it_does() -> None:
    code = (
        "import sys\n"
        "from importlib import import_module\n"
        "import_module('track.cli.lean').load()\n"
        "from track.cli import outline\n"
        "for name in {*outline.SUMMARIES} - {'completion'}:\n"  # which has what completes words
        "    import_module('track.cli.commands.' + name.replace('-', '_'))\n"
        "sys.stdout.write(' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = {name.split(".")[1] for name in done.stdout.split() if name.startswith("track.")}
    below = {"config", "flows", "formats", "history", "project", "runs", "store", "verbs", "worktree"}
    assert "cli" in found and not found & below


def test_completing_loads_neither_a_verb_nor_the_store(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TRACK_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_CWORD", "")
    for command in ("checkout ", "find --label ", "log ", "push ", "runs show ", "get ", "metrics show ", "config "):
        monkeypatch.setenv("COMP_WORDS", f"track {command}")
        found = loaded(cwd=project)
        assert not {name for name in found if name.startswith("track.verbs")}
        assert not found & (HEAVY | {"track.store.objects", "track.store.remote", "track.flows.bring"})
