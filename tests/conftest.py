"""What every test stands on: an environment that no machine or user can colour, and a real Git repository."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from support import forked
from support.azurite import Azure, azurite
from support.gcs import Gcs, fake_gcs
from support.programs import left_out, missing_programs
from support.repositories import new_repository
from support.seaweed import Seaweed, seaweed
from support.sshd import Sshd, introduce, sshd
from support.webservers import Web, nginx, rclone

IN_CI = os.environ.get("CI", "").lower() not in ("", "0", "false")
OURS = ("track", "track-hook")
"""The programs that are installed with track."""
NOTHING_LEFT_OUT = IN_CI or bool(os.environ.get("TRACK_TESTS_COMPLETE"))

settings.register_profile(  # how fast examples come says how busy the machine is, and nothing of us
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
# A commit has one verdict: CI tries the same examples each time, everybody else tries new ones.
settings.register_profile("CI", settings.get_profile("any machine"), derandomize=True, database=None)
settings.load_profile("CI" if IN_CI else "any machine")


@pytest.fixture(scope="session", autouse=True)
def hermetic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The whole session runs without user configuration, with one identity, one date, one umask and one locale."""
    home = tmp_path_factory.mktemp("home")
    fixed = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "XDG_STATE_HOME": str(home / ".local" / "state"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "TRACK_HOOKS_INSTALL": "false",  # unless a test is about them
        "GIT_AUTHOR_NAME": "Ada Lovelace",
        "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_AUTHOR_DATE": "2026-01-02T03:04:05+00:00",
        "GIT_COMMITTER_NAME": "Ada Lovelace",
        "GIT_COMMITTER_EMAIL": "ada@example.org",
        "GIT_COMMITTER_DATE": "2026-01-02T03:04:05+00:00",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "COLUMNS": "80",
    }
    loose = ("TRACK_", "GIT_", "XDG_", "LC_", "AWS_", "GOOGLE_", "AZURE_", "SSH_", "WEBDAV_", "STORAGE_")
    single = {
        "LANG",
        "LANGUAGE",
        "NO_COLOR",
        "FORCE_COLOR",
        "PAGER",
        "TERM",
        "CI",
        "PYTHONWARNINGS",
        "EDITOR",
        "VISUAL",
    }
    before = dict(os.environ)
    for name in before:
        if name.startswith(loose) or name in single:
            del os.environ[name]
    os.environ.update(fixed)
    os.environ["PATH"] = _without_track(os.environ.get("PATH", os.defpath), tmp_path_factory.mktemp("programs"))
    forked.stand_on(os.environ)
    old_umask = os.umask(0o022)
    yield
    os.umask(old_umask)
    os.environ.clear()
    os.environ.update(before)


def _without_track(path: str, room: Path) -> str:
    """The same PATH, but for the programs of a track that is installed, as in a virtual environment that is active:
    hooks would find it, and it need not be this one. In place of a folder that has them are links to all else in it.
    """
    folders = []
    for number, folder in enumerate(path.split(os.pathsep)):
        if any(os.path.lexists(os.path.join(folder, name)) for name in OURS):
            links = room / str(number)
            links.mkdir()
            for each in os.scandir(folder):
                if each.name not in OURS:
                    (links / each.name).symlink_to(os.path.abspath(each.path))
            folder = str(links)
        folders.append(folder)
    return os.pathsep.join(folders)


@pytest.fixture(autouse=True)
def undisturbed() -> Iterator[None]:
    """A test that changes the folder or the umask of the process fails, and the next one starts clean."""
    folder = os.getcwd()
    yield
    umask = os.umask(0o022)
    try:
        moved = os.getcwd() != folder
    except FileNotFoundError:  # it is in a folder that is gone
        moved = True
    os.chdir(folder)
    assert umask == 0o022, "the test left another umask behind"
    assert not moved, "the test left the process in another folder"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A real Git repository on branch `main` with one empty commit and nothing of track in it."""
    return new_repository(tmp_path / "repo")


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory, hermetic: None) -> Iterator[Seaweed]:
    """A real S3 server, one for each worker."""
    with seaweed(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="session")
def azure_server(tmp_path_factory: pytest.TempPathFactory, hermetic: None) -> Iterator[Azure]:
    """A real server that speaks as Azure does, one for each worker."""
    with azurite(tmp_path_factory.mktemp("azure")) as server:
        yield server


@pytest.fixture(scope="session")
def gs_server(tmp_path_factory: pytest.TempPathFactory, hermetic: None) -> Iterator[Gcs]:
    """A real server that speaks as Google Cloud Storage does, one for each worker."""
    with fake_gcs(tmp_path_factory.mktemp("gcs")) as server:
        yield server


@pytest.fixture(scope="session")
def ssh_server(tmp_path_factory: pytest.TempPathFactory, hermetic: None) -> Iterator[Sshd]:
    """A real server of SSH, one for each worker; who runs the tests knows it and is known there."""
    with sshd(tmp_path_factory.mktemp("sshd")) as server:
        introduce(server, Path(os.environ["HOME"]))
        yield server


@pytest.fixture(scope="session")
def nginx_server(tmp_path_factory: pytest.TempPathFactory, hermetic: None) -> Iterator[Web]:
    """A real web server, with WebDAV below a part of it, one for each worker."""
    with nginx(tmp_path_factory.mktemp("nginx")) as server:
        yield server


@pytest.fixture(scope="session")
def rclone_server(tmp_path_factory: pytest.TempPathFactory, hermetic: None) -> Iterator[Web]:
    """A real WebDAV server that takes no notice of conditions, one for each worker."""
    with rclone(tmp_path_factory.mktemp("rclone")) as server:
        yield server


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--pin` rewrites what the stories show; read the difference before you commit it."""
    parser.addoption("--pin", action="store_true", help="rewrite what the stories show")


def pytest_configure(config: pytest.Config) -> None:
    """A test that needs system programs names them: `@pytest.mark.needs("strace")`."""
    config.addinivalue_line("markers", "needs(*programs): the system programs without which the test says nothing")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this machine cannot run, and say so at the end; in CI nothing may be left out."""
    kept, out = [], []
    for item in items:
        missing = missing_programs(name for mark in item.iter_markers("needs") for name in mark.args)
        if missing and not NOTHING_LEFT_OUT:
            out.append(item)
            left_out[item.nodeid] = missing
        else:
            kept.append(item)
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = kept


def pytest_runtest_setup(item: pytest.Item) -> None:
    """In CI, and where tests/run.py installed the programs, a missing one is a failure, never a skip."""
    missing = missing_programs(name for mark in item.iter_markers("needs") for name in mark.args)
    if missing:
        pytest.fail(
            f"needs {', '.join(missing)}, which this machine lacks; see tests/system-packages.txt", pytrace=False
        )


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Under xdist a worker hands what it left out to the one process that prints."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = dict(left_out)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Take over what a worker left out."""
    left_out.update(getattr(node, "workeroutput", {}).get("left_out", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List what was left out, and why."""
    if not left_out:
        return
    terminalreporter.section("left out on this machine")
    for nodeid, missing in sorted(left_out.items()):
        terminalreporter.write_line(f"{nodeid}: needs {', '.join(missing)}")


def pytest_report_header() -> str:
    """Which Git the tests speak to."""
    strictly = "nothing" if NOTHING_LEFT_OUT else "tests whose programs are missing"
    return f"git: {shutil.which('git')}; left out: {strictly}"
