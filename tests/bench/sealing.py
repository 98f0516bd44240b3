"""Measures what an encrypted remote costs beside one that is not: `python -m tests.bench.sealing [--size-mib 1024]`.

One file of random bytes, which is cut into chunks and not compressed, and files of 4 KiB go to a folder, come into a
fresh clone, and are verified at the remote. The folder is on the same disk: what is measured is our own work.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench import workloads
from tests.bench.measure import Command, Measured, measure
from tests.bench.tools import IDENTITY, compile_package

KINDS = ("plain", "encrypted")
TRACK = (sys.executable, "-P", "-m", "track")


def main() -> int:
    """Measure both kinds so often as asked, and print a row for each step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-mib", type=int, default=1024, help="of the one large file")
    parser.add_argument("--files", type=int, default=20_000, help="of 4 KiB")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where to work (default: the system's temporary folder)")
    options = parser.parse_args()
    compile_package()
    folder = Path(tempfile.mkdtemp(prefix="track-sealing-", dir=options.folder))
    try:
        repo = _made(folder, options.size_mib, options.files)
        for turn in range(options.repeats):
            for kind in KINDS:
                for step, found in _steps(folder / f"turn-{turn}-{kind}", repo, kind):
                    print(f"{step:10} {kind:10} {_told(found)}", flush=True)
    finally:
        workloads.remove_tree(folder)
    return 0


def _told(found: Measured) -> str:
    return f"{found.wall_s:5.2f} s  {found.cpu_s:5.2f} s of CPU  {found.memory_bytes >> 20:4} MiB"


def _made(folder: Path, size_mib: int, files: int) -> Path:
    """A repository in which everything is stored and committed."""
    repo = folder / "repo"
    repo.mkdir()
    os.environ["XDG_CONFIG_HOME"] = str(folder / "config")
    workloads.make_big(repo / "big.bin", size_bytes=size_mib << 20)
    workloads.make_many(repo / "many", files=files, directories=max(files // 100, 1), size_bytes=4096)
    for command in (
        ["git", "init", "-q", "."],
        [*TRACK, "init", "--no-hooks"],
        [*TRACK, "remote", "identity", "--new"],
        [*TRACK, "add", "big.bin", "many"],
        ["git", *IDENTITY, "commit", "-qm", "data"],
    ):
        subprocess.run(command, cwd=repo, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return repo


def _steps(folder: Path, repo: Path, kind: str) -> list[tuple[str, Measured]]:
    folder.mkdir()
    recipient = subprocess.run([*TRACK, "remote", "identity"], cwd=repo, check=True, capture_output=True, text=True)
    sealed = ["--encrypt", recipient.stdout.strip()] if kind == "encrypted" else []
    clone = folder / "clone"
    _run([*TRACK, "remote", "add", "--clone", folder.name, folder / "remote", *sealed], repo)
    found = [("push", measure([*TRACK, "push", folder.name], cwd=repo))]
    _run(["git", "clone", "-q", repo, clone], folder)
    _run([*TRACK, "remote", "add", "--clone", "origin", folder / "remote"], clone)
    found.append(("pull", measure([*TRACK, "pull"], cwd=clone)))
    found.append(("verify", measure([*TRACK, "verify", "--remote", folder.name], cwd=repo)))
    return found


def _run(command: Command, cwd: Path) -> None:
    subprocess.run(list(map(str, command)), cwd=cwd, check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
