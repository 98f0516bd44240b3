"""Measures a local store with chunks and without: `python -m tests.bench.chunks [--mib 256] [--kind database]`.

Ten versions of one file, each a small edit of the one before, are added; then the first one is checked out again, and
the last. What is told is the room that the store takes, and the time of each command, whole processes, in the middle.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench.edits import insert_rows, make_database, make_model, make_rows, train_one_layer, update_rows

VERSIONS = 10
KINDS: dict[str, tuple[Callable[[Path, int], None], Callable[[Path, int], None]]] = {
    "rows": (make_rows, lambda path, number: insert_rows(path)),
    "database": (make_database, update_rows),
    "model": (make_model, train_one_layer),
}
"""How a kind of file is made with about so many bytes, and how it is edited, in another way for each number."""
TRACK = (sys.executable, "-m", "track")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, default=256)
    parser.add_argument("--kind", choices=sorted(KINDS), default="rows")
    parser.add_argument("--file", type=Path, help="the first version, made before")
    given = parser.parse_args(arguments)
    make, change = KINDS[given.kind]
    print("| `store.chunks` | ten versions take | add the first | add an edit | check out |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="track-chunks-") as folder:
        first = given.file or Path(folder, "first")
        if given.file is None:
            make(first, given.mib << 20)
        for chunks in ("false", "true"):
            print(row(Path(folder, chunks), first, change, chunks))
    return 0


def row(repo: Path, first: Path, change: Callable[[Path, int], None], chunks: str) -> str:
    """One line of the table."""
    repo.mkdir()
    subprocess.run(("git", "init", "--quiet"), cwd=repo, check=True)
    run(repo, "init", "--no-hooks")
    run(repo, "config", "--clone", "store.chunks", chunks)
    data = repo / "data.bin"
    shutil.copyfile(first, data)
    adds: list[float] = []
    for number in range(VERSIONS):
        if number:
            change(data, number)
        adds.append(run(repo, "add", "data.bin"))
        subprocess.run(("git", *PERSON, "commit", "--quiet", "-m", "v"), cwd=repo, check=True)
        subprocess.run(("git", "tag", f"v{number}"), cwd=repo, check=True)
    outs = [run(repo, "checkout", f"v{number}", "--", "data.bin") for number in (0, VERSIONS - 1, 0)]
    store = repo / ".git" / "track" / "store"
    mib = sum(path.stat().st_size for path in store.rglob("*") if path.is_file()) / (1 << 20)
    shutil.rmtree(repo)
    return (
        f"| {chunks} | {mib:,.0f} MiB | {adds[0]:.2f} s | {statistics.median(adds[1:]):.2f} s |"
        f" {statistics.median(outs):.2f} s |"
    )


PERSON = ("-c", "user.name=bench", "-c", "user.email=bench@example.com")


def run(repo: Path, *command: str) -> float:
    """Seconds that a command takes."""
    begun = time.monotonic()
    subprocess.run((*TRACK, *command), cwd=repo, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - begun


if __name__ == "__main__":
    sys.exit(main())
