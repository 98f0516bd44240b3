"""Measures a local store with chunks and without: `python -m tests.bench.chunks [--mib 256] [--kind database]`.

Ten versions of one file, each a small edit of the one before, are added; then the first one is checked out again, and
the last. What is told is the room that the store takes, and the time of each command, whole processes, in the middle.
With `--fetch`, two versions go to a folder and come into a clone that keeps chunks: what each adds to its store, and
the memory that it takes.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.bench.edits import insert_rows, make_database, make_model, make_rows, train_one_layer, update_rows
from tests.bench.measure import measure

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
    parser.add_argument("--fetch", action="store_true", help="measure what a fetch writes, and nothing else")
    given = parser.parse_args(arguments)
    make, change = KINDS[given.kind]
    if given.fetch:
        with tempfile.TemporaryDirectory(prefix="track-chunks-") as folder:
            first = given.file or Path(folder, "first")
            if given.file is None:
                make(first, given.mib << 20)
            print("\n".join(coming(Path(folder), first, change)))
        return 0
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
    mib = stored_bytes(repo) / (1 << 20)
    shutil.rmtree(repo)
    return (
        f"| {chunks} | {mib:,.0f} MiB | {adds[0]:.2f} s | {statistics.median(adds[1:]):.2f} s |"
        f" {statistics.median(outs):.2f} s |"
    )


def coming(folder: Path, first: Path, change: Callable[[Path, int], None]) -> Iterator[str]:
    """The lines of the table of a fetch."""
    repo, clone = folder / "repo", folder / "clone"
    repo.mkdir()
    subprocess.run(("git", "init", "--quiet", "--initial-branch=main"), cwd=repo, check=True)
    run(repo, "init", "--no-hooks")
    run(repo, "remote", "add", "origin", str(folder / "remote"))
    shutil.copyfile(first, repo / "data.bin")
    yield "| a fetch of | adds to the store | memory | time |"
    yield "|---|---|---|---|"
    for number, name in enumerate(("the first version", "one more, edited")):
        if number:
            change(repo / "data.bin", number)
        run(repo, "add", "data.bin")
        subprocess.run(("git", *PERSON, "commit", "--quiet", "-m", "v"), cwd=repo, check=True)
        run(repo, "push")
        if number:
            subprocess.run(("git", "pull", "--quiet"), cwd=clone, check=True)
        else:
            subprocess.run(("git", "clone", "--quiet", repo, clone), check=True)
            run(clone, "config", "--clone", "store.chunks", "true")
        before = stored_bytes(clone)
        done = measure((*TRACK, "fetch"), cwd=clone)
        added = (stored_bytes(clone) - before) / (1 << 20)
        yield f"| {name} | {added:,.2f} MiB | {done.memory_bytes >> 20} MiB | {done.wall_s:.2f} s |"


def stored_bytes(repo: Path) -> int:
    """What the files of a store take together."""
    store = repo / ".git" / "track" / "store"
    return sum(path.stat().st_size for path in store.rglob("*") if path.is_file())


PERSON = ("-c", "user.name=bench", "-c", "user.email=bench@example.com")


def run(repo: Path, *command: str) -> float:
    """Seconds that a command takes."""
    begun = time.monotonic()
    subprocess.run((*TRACK, *command), cwd=repo, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - begun


if __name__ == "__main__":
    sys.exit(main())
