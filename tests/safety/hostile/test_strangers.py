"""A stranger's repository is harmless, checked by the system calls that were made: no write outside the clone and our
own state, no program but Git, no connection; it ends, without a fault of ours, and shows nothing that it should not.

One traced process walks many fixtures, which the tables beside this file make; `case.py` says what a fixture is.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from safety.hostile import names, pointers, remotes, settings, unpacked, worktree
from safety.hostile.case import CANARY, Case, Place, place_for, template
from safety.hostile.driver import MARK
from support import strace
from support.hostile import seen_in
from support.strace import CHANGING

TABLES: dict[str, tuple[Case, ...]] = {
    "names": names.CASES,
    "pointers": pointers.CASES,
    "remotes": remotes.CASES,
    "settings": settings.CASES,
    "unpacked-git": unpacked.GIT_CASES,
    "unpacked-state": unpacked.STATE_CASES,
    "worktree": worktree.CASES,
}
CALLS = (*CHANGING, "execve", "execveat", "socket", "connect", "bind", "sendto")
SPEAKS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\udc80-\udcff]")
HOOK_CODES = (0, 1, 2, 9)
"""Done; blocked or in conflict; a driver that touched nothing and leaves it to Git; refused by `pre-commit`."""

TESTS = Path(__file__).parents[2]


class Step(NamedTuple):
    """One verb in one fixture."""

    case: Case
    place: Place
    verb: tuple[str, ...]


def test_there_are_enough_fixtures() -> None:
    cases = [case.name for table in TABLES.values() for case in table]
    assert len(set(cases)) == len(cases) >= 150


@pytest.mark.needs("strace")
@pytest.mark.parametrize("table", TABLES)
def test_a_strangers_repository_is_harmless(table: str, tmp_path: Path) -> None:
    clean = template(tmp_path / "clean")
    steps = [
        Step(case, place, verb)
        for number, case in enumerate(TABLES[table])
        for place in [place_for(case, clean, tmp_path / f"{number:03}")]
        for verb in case.tried(number)
    ]
    before = [surroundings(step.place) for step in steps]
    answers, parts = walked(steps, tmp_path)
    problems = [
        f"{step.case.name}: track {' '.join(step.verb)}: {problem}"
        for step, answer, part in zip(steps, answers, parts, strict=True)
        for problem in [*troubles_of(step, answer), *seen_by_the_system(step, part, tmp_path)]
    ]
    problems += [
        f"{step.case.name}: something around it changed"
        for step, was in zip(steps, before, strict=True)
        if step.verb == steps[0].verb and surroundings(step.place) != was
    ]
    # Some of them are deeper than the removal that a test runner does by itself can go.
    subprocess.run(["rm", "-rf", *{step.place.around for step in steps}], check=True)
    assert not problems, "\n".join(problems)


def walked(steps: Sequence[Step], folder: Path) -> tuple[list[dict[str, str | int]], list[str]]:
    """What each step said, and its part of the trace."""
    plan, results, scratch = folder / "plan", folder / "results", folder / "scratch"
    scratch.mkdir()
    plan.write_text(
        json.dumps(
            [
                {
                    "cwd": str(step.place.repo),
                    "verb": step.verb,
                    "environment": {"HOME": str(step.place.home), **step.case.environment},
                }
                for step in steps
            ]
        )
    )
    environment = {
        "PYTHONPATH": str(TESTS),
        "TMPDIR": str(scratch),
        "AWS_EC2_METADATA_DISABLED": "true",
        **dict.fromkeys(("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"), ""),
    }
    command = [sys.executable, "-m", "safety.hostile.driver", plan, results]
    done = strace.run(command, cwd=folder, log=folder / "log", calls=CALLS, follow=True, env=environment)
    assert done.code == 0, done.err[-3000:]
    parts = re.split(rf'^.*mkdir\("{MARK}\d+".*\n', done.log, flags=re.MULTILINE)[1:-1]
    return json.loads(results.read_text("utf-8")), parts


def troubles_of(step: Step, answer: dict[str, str | int]) -> list[str]:
    """What is wrong with how a verb ended and what it said."""
    said = f"{answer['out']}{answer['err']}"
    problems = []
    is_hook = step.verb[0] == "hook"
    codes = HOOK_CODES if is_hook else step.case.codes.get(step.verb[0], range(8))
    if answer["code"] not in codes or "Traceback" in said:
        problems.append(f"ended with {answer['code']}: {said[-2000:]}")
    if answer["code"] and not said.strip() and not (is_hook and answer["code"] == 2):  # a driver leaves it to Git
        problems.append("refused without a word")
    if CANARY in said:
        problems.append(f"showed what it should not: {said[-500:]}")
    if step.verb[0] != "cat" and (spoken := SPEAKS.search(said)):
        problems.append(f"spoke to the terminal: {said[max(0, spoken.start() - 60) : spoken.end() + 60]!r}")
    return problems


def seen_by_the_system(step: Step, part: str, folder: Path) -> list[str]:
    """What the trace shows that must not be."""
    home = step.place.home
    allowed = [step.place.repo, home / ".cache", home / ".local", folder / "scratch"]
    seen = seen_in(part, step.place.repo, allowed)
    return [
        *(f"wrote outside: {event}" for event in seen.outside),
        *(f"started {program}" for program in seen.programs if not os.path.basename(program).startswith("git")),
        *(f"opened a connection: {text[:200]}" for text in seen.sockets),
    ]


def surroundings(place: Place) -> dict[str, object]:
    """Everything around the clone: names, kinds, and what small files hold."""
    found: dict[str, object] = {}
    for top in (place.around, place.home):
        for folder, folders, files in os.walk(top):
            if folder == str(place.around):
                folders.remove("repo")
            if folder == str(home := place.home):
                folders[:] = [name for name in folders if name not in (".cache", ".local") and home]
            for name in (*folders, *files):
                path = os.path.join(folder, name)
                status = os.lstat(path)
                small = os.path.isfile(path) and not os.path.islink(path) and status.st_size < 1 << 16
                found[path] = (status.st_mode, status.st_size, Path(path).read_bytes() if small else b"")
    return found


def test_the_witness_would_see_it(tmp_path: Path) -> None:
    """The same trace with nothing allowed has writes and programs in it."""
    case = Case("harmless", lambda place: None)
    place = place_for(case, template(tmp_path / "clean"), tmp_path / "000")
    (place.repo / "there.bin").unlink()
    steps = [Step(case, place, ("checkout",))]
    answers, parts = walked(steps, tmp_path)
    assert answers[0]["code"] in (0, 4)
    seen = seen_in(parts[0], place.repo, [tmp_path / "nowhere"])
    assert seen.outside and seen.programs
    assert seen_by_the_system(steps[0], parts[0], tmp_path) == []
