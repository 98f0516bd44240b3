#!/usr/bin/env python3
"""Run everything that says whether track is sound, from nothing but Python, pip and Git.

    python3 tests/run.py [pytest arguments]

Makes a fresh virtual environment in build/tests, installs the project there as a user would get it, and runs ruff,
mypy and pytest. On Debian as root the system programs the tests need are installed first and nothing is left out;
elsewhere the tests that this machine cannot run are listed with what they lack.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
PLACE = TOP / "build" / "tests"
PYTHON = PLACE / ("Scripts" if os.name == "nt" else "bin") / "python"
WORKERS = "2"


def main(arguments: list[str]) -> int:
    """Run every step, the later ones too when an earlier check fails; returns 0 only when all passed."""
    if sys.version_info < (3, 11):  # noqa: UP036  # whoever runs this may have any Python
        print("track needs Python 3.11 or later; this is", sys.version.split()[0])
        return 2
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PATH"] = os.pathsep.join((environment.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    if installs_programs():
        environment["TRACK_TESTS_COMPLETE"] = "1"
        install_programs()
    step("a fresh virtual environment", [sys.executable, "-m", "venv", "--clear", PLACE], environment)
    step(
        "the project and what its tests need",
        [PYTHON, "-m", "pip", "install", "--quiet", f"{TOP}[all,test]"],
        environment,
    )
    checks = (
        ("ruff", [PYTHON, "-m", "ruff", "check", "."]),
        ("mypy", [PYTHON, "-m", "mypy"]),
        ("pytest", [PYTHON, "-m", "pytest", "-n", WORKERS, "--dist", "loadgroup", *arguments]),
    )
    failed = [name for name, command in checks if step(name, command, environment, must=False)]
    print(f"\nfailed: {', '.join(failed)}" if failed else "\nall checks passed", flush=True)
    return 1 if failed else 0


def step(name: str, command: list[str | Path], environment: dict[str, str], *, must: bool = True) -> int:
    """Run one command at the top of the project and say how long it took; returns its exit code."""
    print(f"== {name}", flush=True)
    began = time.monotonic()
    code = subprocess.run(command, cwd=TOP, env=environment, check=False).returncode
    print(f"== {name}: {'done' if code == 0 else f'ended with {code}'} in {time.monotonic() - began:.1f} s", flush=True)
    if code and must:
        sys.exit(code)
    return code


def installs_programs() -> bool:
    """Whether this is Debian or a relative of it, and we may install packages."""
    return bool(shutil.which("dpkg-query") and shutil.which("apt-get") and os.geteuid() == 0)


def install_programs() -> None:
    """Install the Debian packages of tests/system-packages.txt that are not here, nor the program named behind one."""
    lines = (TOP / "tests" / "system-packages.txt").read_text(encoding="utf-8").splitlines()
    wanted = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    lacking = [name for name, *programs in wanted if not any(map(shutil.which, programs)) and not is_installed(name)]
    if not lacking:
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    step("Debian's list of packages", ["apt-get", "update", "-qq"], environment, must=False)
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *lacking]
    step(f"system programs: {' '.join(lacking)}", command, environment)


def is_installed(package: str) -> bool:
    """Whether Debian says that `package` is installed."""
    command = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]
    asked = subprocess.run(command, capture_output=True, check=False)
    return asked.returncode == 0 and asked.stdout == b"installed"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
