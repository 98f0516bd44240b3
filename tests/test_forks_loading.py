"""Forks wait for what other threads load: a child would wait for ever for the lock of a module."""

import signal
import subprocess
import sys
import threading
import time
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from test_forks import another_inside, in_a_child, may_call
from track import forks, work
from track.api import later
from track.model import loading

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def test_a_fork_waits_for_what_another_thread_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, loaded = threading.Event(), []

    def slowly(name: str) -> ModuleType:
        begun.set()
        time.sleep(0.3)
        loaded.append(name)
        return import_module(name)

    later.__dict__.pop("find", None)
    monkeypatch.setattr(loading, "import_module", slowly)
    thread = threading.Thread(target=lambda: later.find)
    thread.start()
    begun.wait()
    assert in_a_child(lambda: loaded == ["track.verbs.find"])
    thread.join()


def test_beside_a_long_call_a_fork_waits_for_what_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "slow_to_load.py").write_text("import time; is_loading = True; time.sleep(0.5); is_loading = False")
    monkeypatch.syspath_prepend(tmp_path)
    thread = threading.Thread(target=lambda: import_module("slow_to_load"))
    with another_inside():
        assert in_a_child(may_call)
        monkeypatch.setattr(forks._state, "brief_until_s", float("inf"))  # as after a thread was waited for in vain
        thread.start()
        while not hasattr(sys.modules.get("slow_to_load"), "is_loading"):
            time.sleep(0.01)
        assert in_a_child(lambda: not import_module("slow_to_load").is_loading)
        thread.join()


@pytest.mark.parametrize("is_streamed", [False, True])
def test_work_in_a_process_that_waits_for_no_call_waits_for_what_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_streamed: bool
) -> None:
    name = f"slow_to_load_{is_streamed}"
    (tmp_path / f"{name}.py").write_text("import time; is_loading = True; time.sleep(0.3); is_loading = False")
    monkeypatch.syspath_prepend(tmp_path)
    thread = threading.Thread(target=lambda: import_module(name))

    def ended(*_: object) -> None:
        raise TimeoutError("the process waits for a lock that nobody gives back")

    before = signal.signal(signal.SIGALRM, ended)
    try:
        with another_inside():
            thread.start()
            while not hasattr(sys.modules.get(name), "is_loading"):
                time.sleep(0.01)
            signal.alarm(20)
            if is_streamed:
                with work.streamed(lambda tell: tell(import_module(name).__name__.encode())) as messages:
                    assert list(messages) == [name.encode()]
            else:
                with work.meanwhile(lambda: import_module(name).__name__.encode()) as answer:
                    assert answer() == name.encode()
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        thread.join()


FIRST_USE = """
import os, signal, sys, threading, time
import track

thread = threading.Thread(target=lambda: track.Repo)
thread.start()
while "track.api" not in sys.modules:
    time.sleep(0.0005)
child = os.fork()
if not child:
    signal.alarm(20)
    track.Repo
    os._exit(0)
thread.join()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0)
"""


def test_a_child_forked_while_another_thread_first_asks_for_track_works() -> None:
    warned = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FIRST_USE]
    assert subprocess.run(warned, check=False, timeout=60).returncode == 0
