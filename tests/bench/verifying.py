"""Measures how fast `track verify` reads, beside bare loops over the same files: `python -m tests.bench.verifying`.

The working data is removed before, so that the store alone is read. `bare` reads each file and hashes it on all cores;
`mapped` is what `b3sum` does. Each figure is the best of three, in MB a second of stored bytes, with a warm page cache.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from blake3 import blake3


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=100_000, help="files of 4 KiB, which go into packs")
    parser.add_argument("--large-mib", type=int, default=512, help="of whole objects, each of 64 MiB")
    parser.add_argument("--folder", type=Path, help="keep what is made there, and measure it again the next time")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="track-verify-bench-"))
    try:
        is_made = options.folder is not None and options.folder.is_dir()
        repo, remote = folder / "repo", folder / "remote"
        if not is_made:
            _make(repo, remote, options.small, options.large_mib)
        for place in (repo / ".git/track/store", remote):
            files = [path for path in place.rglob("*") if path.is_file() and path.parts[-3] in ("packs", "objects")]
            where = ("--remote", "origin") if place == remote else ()
            _measure(repo, where, sorted(files))
    finally:
        if options.folder is None:
            shutil.rmtree(folder)
    return 0


def _make(repo: Path, remote: Path, small: int, large_mib: int) -> None:
    """Make a repository whose data is in its store and at a remote, and no longer in its working tree."""
    repo.mkdir(parents=True)
    _run("git", "init", "-q", ".", cwd=repo)
    _run("git", "config", "user.name", "Ada", cwd=repo)
    _run("git", "config", "user.email", "ada@example.org", cwd=repo)
    _track("init", "--no-hooks", cwd=repo)
    for number in range(small):
        path = repo / f"data/{number // 1000}/{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(4096))
    for number in range(large_mib // 64):
        (repo / f"data/large{number}").write_bytes(os.urandom(64 << 20))
    _track("add", "data", cwd=repo)
    _run("git", "commit", "-qm", "data", cwd=repo)
    _track("remote", "add", "origin", str(remote), cwd=repo)
    _track("push", cwd=repo)
    shutil.rmtree(repo / "data")
    os.sync()


def _measure(repo: Path, where: tuple[str, ...], files: list[Path]) -> None:
    size = sum(path.stat().st_size for path in files)
    bare = _best(lambda: [blake3(path.read_bytes(), max_threads=blake3.AUTO).digest() for path in files])
    mapped = _best(lambda: [blake3(max_threads=blake3.AUTO).update_mmap(path).digest() for path in files])
    whole = _best(lambda: _track("verify", *where, cwd=repo))
    deep = _best(lambda: _track("verify", "--deep", *where, cwd=repo))
    print(f"{where[-1] if where else 'store':7} {size / 2**20:7,.0f} MiB in {len(files)} files")
    for name, seconds in (("bare", bare), ("mapped", mapped), ("verify", whole), ("--deep", deep)):
        print(f"  {name:7} {seconds:6.3f} s  {size / seconds / 1e6:7,.0f} MB/s  {bare / seconds:5.0%} of bare")


def _best(work: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def _track(*args: str, cwd: Path) -> None:
    _run(sys.executable, "-m", "track", *args, cwd=cwd)


def _run(*command: str, cwd: Path) -> None:
    subprocess.run(command, cwd=cwd, check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
