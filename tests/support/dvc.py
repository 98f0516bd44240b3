"""The real DVC, in an environment of its own: its needs are not ours."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

VERSION = "dvc>=3.60,<4"
PLACE = Path(__file__).parents[2] / "build" / "dvc"

_SCRIPT = """
import json, sys
from dvc.cli import main
for args in json.loads(sys.stdin.read()):
    code = main(args)
    if code:
        sys.exit(f"dvc {' '.join(args)} ended with {code}")
"""


class Dvc:
    """DVC, installed once for this copy of the project."""

    def __init__(self, state: Path) -> None:
        """Installs it if nobody did; it keeps what it knows of files in `state`."""
        self._python = _installed()
        self._environment = {
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(state / "site"),
            "DVC_GLOBAL_CONFIG_DIR": str(state / "global"),
            "DVC_SYSTEM_CONFIG_DIR": str(state / "system"),
        }

    def run(self, cwd: Path, *commands: Sequence[str]) -> str:
        """Run commands such as `("add", "data")` one after the other in one process; what they printed.

        Its start takes ten times as long as most of what it does.
        """
        done = subprocess.run(
            [self._python, "-c", _SCRIPT],
            cwd=cwd,
            env={**os.environ, **self._environment},
            input=json.dumps([list(command) for command in commands]).encode(),
            capture_output=True,
            check=False,
        )
        out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        assert done.returncode == 0, f"{out}{err}"
        return out + err

    def python(self, cwd: Path, script: str, *args: str) -> str:
        """Run a script that may import DVC's own libraries; what it printed."""
        done = subprocess.run([self._python, "-c", script, *args], cwd=cwd, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout.decode()


def _installed() -> Path:
    PLACE.mkdir(parents=True, exist_ok=True)
    python, done = PLACE / "bin" / "python", PLACE / f"installed {VERSION}".replace("/", "")
    with open(PLACE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            for command in (
                [sys.executable, "-m", "venv", PLACE],
                [python, "-m", "pip", "install", "--quiet", "--no-compile", VERSION],
            ):
                made = subprocess.run(command, capture_output=True, check=False)
                assert made.returncode == 0, f"DVC cannot be installed: {made.stderr.decode(errors='replace')}"
            done.touch()
    return python
