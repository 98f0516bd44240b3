"""What Python costs: `python -m tests.bench.api [--rounds N]`, with nothing else running.

Imports are the median of fresh processes, in which compiled files are there; reading is the best of several turns in
one process, by then warm.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

READS = 500
TURNS = 5
NOTHING = "pass"
IMPORTS = {"import track": "import track", "track.Repo": "import track; track.Repo", "fsspec": "import fsspec"}
FIRSTS = {
    "the first Repo": "import track; track.Repo({0!r})",
    "the first Repo, and a small file read": "import track; track.Repo({0!r}).get({0!r} + '/small.txt').read_bytes()",
    "the first Repo, and its status": "import track; track.Repo({0!r}).status()",
}
_TIMED = "import time; a = time.perf_counter(); exec({0!r}); print(time.perf_counter() - a)"


def imported_s(what: str, rounds: int) -> float:
    """Seconds that an import takes in a process that has begun."""
    command = [sys.executable, "-c", _TIMED.format(what)]
    taken = [float(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(rounds)]
    return statistics.median(taken)


def project(top: Path) -> Path:
    """A repository with a small file, a large one, and a folder of a thousand files."""
    place = top / "project"
    (place / "many").mkdir(parents=True)
    (place / "small.txt").write_text("a few words\n")
    (place / "large.bin").write_bytes(os.urandom(8 << 20))
    for number in range(1000):
        (place / f"many/{number:04}.txt").write_text(str(number))
    who = {f"GIT_{role}_{fact}": "bench@example.org" for role in ("AUTHOR", "COMMITTER") for fact in ("NAME", "EMAIL")}
    environment = {**os.environ, **who}
    for command in (["init"], ["add", "small.txt", "large.bin", "many"]):
        extra = ["--git", "--no-hooks"] if command == ["init"] else []
        subprocess.run([sys.executable, "-m", "track", *command, *extra], cwd=place, env=environment, check=True)
    subprocess.run(["git", "commit", "-qm", "first"], cwd=place, env=environment, check=True)
    subprocess.run(["git", "tag", "v1"], cwd=place, check=True)
    return place


def warm_s(ask: Callable[[], object], times: int = READS) -> float:
    """Seconds of one call, in the best turn of several."""
    ask()
    turns = []
    for _ in range(TURNS):
        began = time.perf_counter()
        for _ in range(times):
            ask()
        turns.append((time.perf_counter() - began) / times)
    return min(turns)


def main(arguments: list[str]) -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    rounds = parser.parse_args(arguments).rounds
    base = imported_s(NOTHING, rounds)
    rows = [(what, f"{(imported_s(code, rounds) - base) * 1e3:.1f} ms") for what, code in IMPORTS.items()]
    with tempfile.TemporaryDirectory() as folder:
        place = project(Path(folder))
        for what, code in FIRSTS.items():
            rows.append((what, f"{(imported_s(code.format(str(place)), rounds) - base) * 1e3:.1f} ms"))
        import track  # what was measured above must not be loaded before

        with track.Repo(place) as repo:
            asked = {
                "get a small file and read it": (lambda: repo.get("small.txt").read_bytes(), READS),
                "get one of a thousand and read it": (
                    lambda: repo.get("many/0500.txt").read_bytes(),
                    READS,
                ),
                "the same of a version": (lambda: many["0500.txt"].read_bytes(), READS),
                "read a file of 8 MiB": (lambda: repo.get("large.bin").read_bytes(), 20),
                "get at a tag and read it": (lambda: repo.get("small.txt", "v1").read_bytes(), 20),
                "the path of a small file": (lambda: repo.get("small.txt").path, READS),
            }
            many = repo.get("many").files
            rows += [(what, f"{warm_s(ask, times) * 1e3:.2f} ms") for what, (ask, times) in asked.items()]
    print("| what | time |\n| --- | --- |")
    print("\n".join(f"| {what} | {taken} |" for what, taken in rows))


if __name__ == "__main__":
    main(sys.argv[1:])
