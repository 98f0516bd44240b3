"""How long Git waits for each hook: `python -m tests.bench.hooks`. Whole processes, warm page cache, milliseconds.

With nothing to do a hook may take 15 ms, with 100 staged pointers 300 ms. The least of many repetitions is the hook;
the median has in it what else the machine does.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.tools import compile_package

POINTERS = 100


class Bench:
    """A project with so many artifacts of one small file each, its hooks in place."""

    def __init__(self, top: Path) -> None:
        self.top = top
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        identity = {f"GIT_{who}_{what}": "ada" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        self.environment = {**os.environ, **identity, "PATH": path, "GIT_CONFIG_GLOBAL": os.devnull}
        self.run("git", "init", "--quiet", "-b", "main")
        self.run(sys.executable, "-m", "track", "-q", "init")
        self.write("first")
        self.run("git", "commit", "--quiet", "-m", "first")
        (top / "code.py").write_text("1\n")
        self.run("git", "add", "code.py")
        self.run("git", "commit", "--quiet", "-m", "code")

    def run(self, *words: str, given: bytes = b"") -> bytes:
        """Run a program in the project; what it printed."""
        done = subprocess.run(words, cwd=self.top, env=self.environment, input=given, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout

    def write(self, text: str) -> None:
        """Give every artifact new content, and add all of them."""
        names = [f"data/{number}.csv" for number in range(POINTERS)]
        (self.top / "data").mkdir(exist_ok=True)
        for name in names:
            (self.top / name).write_text(f"{text} {name}\n")
        self.run(sys.executable, "-m", "track", "-q", "add", *names)

    def report(self, what: str, words: Sequence[str], *, given: bytes = b"", times: int = 50) -> None:
        """Run it so often, and print how long it took."""
        taken = []
        for _ in range(times):
            began = time.perf_counter()
            self.run(*words, given=given)
            taken.append((time.perf_counter() - began) * 1000)
        print(f"{what:44}  least {min(taken):7.1f} ms   median {statistics.median(taken):7.1f} ms")


def main() -> None:
    """Measure every hook with nothing to do, and those that have something."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.hooks", description=__doc__)
    parser.add_argument("--folder", type=Path, help="where to work (default: the system's temporary folder)")
    folder = parser.parse_args().folder
    compile_package()
    with tempfile.TemporaryDirectory(dir=folder) as place:
        _measure(Bench(Path(place)))


def _measure(bench: Bench) -> None:
    head = bench.run("git", "rev-parse", "HEAD").decode().strip()
    before = bench.run("git", "rev-parse", "HEAD~1").decode().strip()
    push = f"refs/heads/main {head} refs/heads/main {before}\n".encode()
    bench.run(".git/hooks/post-merge", "0")
    bench.report("a shell that does nothing", ["sh", "-c", ":"])
    bench.report("post-index-change, no file changed", [".git/hooks/post-index-change", "0", "0"])
    bench.report("post-index-change, pointers as they were", [".git/hooks/post-index-change", "1", "0"])
    bench.report("post-checkout, a branch", [".git/hooks/post-checkout", before, head, "1"])
    bench.report("post-checkout, a file", [".git/hooks/post-checkout", head, head, "0"])
    bench.report("post-merge", [".git/hooks/post-merge", "0"])
    bench.report("pre-commit, nothing staged", [".git/hooks/pre-commit"])
    (bench.top / "code.py").write_text("2\n")
    bench.run("git", "add", "code.py")
    bench.report("pre-commit, code staged", [".git/hooks/pre-commit"])
    bench.run("git", "update-ref", "refs/remotes/origin/main", head)
    bench.report("pre-push, no new pointer", [".git/hooks/pre-push", "origin", "URL"], given=push)
    pointer = "data/0.csv.track"
    old = bench.run("git", "show", f"HEAD:{pointer}")
    bench.write("second")
    (bench.top / "old").write_bytes(old)
    shown = ["track-hook", "diff", pointer, "old", "0", "100644", pointer, "1", "100644"]
    bench.report("diff driver, a pointer on a terminal", shown, times=20)
    bench.report(f"pre-commit, {POINTERS} pointers staged", [".git/hooks/pre-commit"], times=10)
    bench.run("git", "commit", "--quiet", "-m", "second")
    there_and_back = "git checkout --quiet HEAD~1 && git checkout --quiet -"
    bench.report(f"git checkout of {POINTERS} other versions, and back", ["sh", "-c", there_and_back], times=5)


if __name__ == "__main__":
    main()
