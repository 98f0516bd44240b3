"""No tracked file speaks of one machine, names a package registry, or is left unfinished."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

TOP = Path(__file__).parents[1]


def tracked_files() -> dict[str, str]:
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=TOP, capture_output=True, check=True
    )
    names = [name for name in listed.stdout.decode().split("\0") if name and (TOP / name).is_file()]
    return {name: (TOP / name).read_text(encoding="utf-8", errors="replace") for name in names}


def registry_hosts() -> list[str]:
    """The hosts of the package registries that this machine is set up with; they are nobody else's business."""
    asked = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, check=False
    ).stdout.decode()
    said = asked + "\n".join(value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "npm_")))
    found = re.findall(r"https?://(?:[^@/\s'\"]*@)?([^/:\s'\"]+)", said)
    return sorted({host for host in found if not host.startswith(("localhost", "127."))})


MACHINE_PATH = re.compile(r"(?:^|[^A-Za-z0-9_])/(?:work|farm|root|tmp/(?:plan|venv))/")
REGISTRY_SETTING = re.compile("index" + r"[-_]url|find" + r"[-_]links|npm" + r"_config_registry")
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|NotImplemented" + r"Error)\b")
SKIPPED = re.compile(r"\b(pytest\.(skip|xfail|importor" + r"skip)|mark\.(skip|skipif|xfail)|unittest\.skip)\b")


def stray(files: dict[str, str], hosts: list[str]) -> Iterator[str]:
    """What stands in tracked files and belongs to one machine or to one bad day."""
    host = re.compile("|".join(map(re.escape, hosts)) or r"(?!)")
    for name, text in files.items():
        for number, line in enumerate(text.splitlines(), 1):
            for pattern in (MACHINE_PATH, REGISTRY_SETTING, host, UNFINISHED, SKIPPED):
                if pattern.search(line):
                    yield f"{name}:{number}: {line.strip()[:100]}"


def test_no_tracked_file_speaks_of_a_machine_or_is_unfinished() -> None:
    problems = list(stray(tracked_files(), registry_hosts()))
    assert not problems, "\n" + "\n".join(problems)


def test_planted_strays_are_found() -> None:
    lines = [
        "see /wo" + "rk/main",
        "--index" + "-url",
        "https://registry.example.org/x",
        "# TO" + "DO",
        "pytest.s" + "kip()",
    ]
    assert len(list(stray({"a.md": "\n".join(lines)}, ["registry.example.org"]))) == len(lines)
