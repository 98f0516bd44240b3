"""Measures what a new version of a large file costs: `python -m tests.bench.edits [--mib 1024] [--only rows,table]`.

Each kind of file is pushed, edited in a way that is usual for it, and pushed again, to `rclone serve s3` on the
loopback; restic does the same where it is on the path, borg into a folder, for it knows no buckets. What was sent is
what the server's folder grew by. `--only big` is one file of random bytes up and down, beside the bare client.
"""

import argparse
import filecmp
import io
import multiprocessing
import os
import random
import shutil
import sqlite3
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.bench import workloads
from tests.bench.bucket import BUCKET, IDENTITY, KEY, PAGE, PERSON, SECRET, Step, run, serving
from tests.bench.measure import Broken, Command, measure

STEPS = ("first push", "push again", "pull")
MARKS = "<!-- edits: begin -->\n", "<!-- edits: end -->"
MOST_MIB = {"table": 512, "database": 256, "tar": 512, "model": 512}
"""Kinds that take long to make stay smaller; the figures are for each kind alone."""

_CLIENT = Path(__file__).with_name("bare_client.py")


class Kind(NamedTuple):
    """A kind of file: how it is made at a path with about so many bytes, and how it is edited."""

    name: str
    edit: str
    make: Callable[[Path, int], None]
    change: Callable[[Path], None]


def make_rows(path: Path, size: int) -> None:
    """A CSV file of numbered rows."""
    source = random.Random(5)
    written = number = 0
    with path.open("wb") as file:
        while written < size:
            lines = []
            for _ in range(2000):
                lines.append(_row(source, number))
                number += 1
            written += file.write(b"".join(lines))


def _row(source: random.Random, number: int) -> bytes:
    word = source.getrandbits(96)
    one, two, three = word & 0xFFFFFFFF, (word >> 32) & 0xFFFFFFFF, word >> 64
    place = (b"de", b"fr", b"uk", b"us")[three & 3]
    return b"%d,%d.%06d,user%d,%s,%d\n" % (number, one % 1000, two % 1_000_000, three % 1_000_000, place, one)


def insert_rows(path: Path) -> None:
    """A hundred rows more in the middle."""
    source = random.Random(6)
    new = path.with_name("new")
    half = path.stat().st_size // 2
    with path.open("rb") as old, new.open("wb") as file:
        left = half
        while left:
            left -= file.write(old.read(min(left, 1 << 20)))
        file.write(old.readline())
        file.write(b"".join(_row(source, 10**9 + number) for number in range(100)))
        shutil.copyfileobj(old, file, 1 << 20)
    new.replace(path)


def make_table(path: Path, size: int) -> None:
    """A Parquet file, in pages that its content decides, as pyarrow can write it since version 21."""
    _write_table(path, _columns(size // 40))


def _columns(rows: int) -> dict[str, list[object]]:
    source = random.Random(7)
    return {
        "id": list(range(rows)),
        "value": [source.random() for _ in range(rows)],
        "name": [f"user{source.getrandbits(40):x}" for _ in range(rows)],
        "size": [source.getrandbits(60) for _ in range(rows)],
    }


def _write_table(path: Path, columns: dict[str, list[object]]) -> None:
    import pyarrow  # an extra of the measurements alone
    from pyarrow import parquet

    parquet.write_table(pyarrow.table(columns), path, use_content_defined_chunking=True)


def insert_into_table(path: Path) -> None:
    """A hundred rows more in the middle, and the file written anew."""
    from pyarrow import parquet

    columns = parquet.read_table(path).to_pydict()
    half = len(columns["id"]) // 2
    more = _columns(100)
    _write_table(path, {name: [*values[:half], *more[name], *values[half:]] for name, values in columns.items()})


def make_database(path: Path, size: int) -> None:
    """An SQLite file with a table and an index."""
    source = random.Random(3)
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT, value REAL, notes TEXT)")
    rows = ((n, source.randbytes(12).hex(), source.random(), source.randbytes(40).hex()) for n in range(size // 170))
    db.executemany("INSERT INTO things VALUES (?, ?, ?, ?)", rows)
    db.execute("CREATE INDEX by_name ON things (name)")
    db.commit()
    db.close()


def update_rows(path: Path, number: int = 4) -> None:
    """A hundred rows here and there get another value, others for each number."""
    source = random.Random(number)
    db = sqlite3.connect(path)
    (count,) = db.execute("SELECT COUNT(*) FROM things").fetchone()
    db.executemany(
        "UPDATE things SET value = ? WHERE id = ?", [(source.random(), source.randrange(count)) for _ in range(100)]
    )
    db.commit()
    db.close()


def make_tar(path: Path, size: int) -> None:
    """An archive of files of 100 kB."""
    _write_tar(path, {f"files/{n:06}.bin": n for n in range(size // 100_000)})


def _write_tar(path: Path, files: dict[str, int]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, seed in sorted(files.items()):
            about = tarfile.TarInfo(name)
            about.size = 100_000
            archive.addfile(about, io.BytesIO(random.Random(seed).randbytes(about.size)))


def replace_members(path: Path) -> None:
    """Ten files of it are others, ten are new, and it is written anew."""
    with tarfile.open(path) as archive:
        files = {name: int(Path(name).stem) for name in archive.getnames()}
    for number, name in enumerate(sorted(files)[:: max(len(files) // 10, 1)][:10]):
        files[name] = 10**8 + number
        files[f"{name}.new"] = 2 * 10**8 + number
    _write_tar(path, files)


_LAYERS = 64


def make_model(path: Path, size: int) -> None:
    """A checkpoint: so many layers of random weights, one after the other."""
    with path.open("wb") as file:
        for layer in range(_LAYERS):
            _write_layer(file, layer, size // _LAYERS)


def _write_layer(file: io.BufferedIOBase, seed: int, size: int) -> None:
    source = random.Random(seed)
    for at in range(0, size, 1 << 20):
        file.write(source.randbytes(min(1 << 20, size - at)))


def train_one_layer(path: Path, number: int = 17) -> None:
    """The layer of this number has other weights."""
    size = path.stat().st_size // _LAYERS
    with path.open("r+b") as file:
        file.seek(number * size)
        _write_layer(file, 1000 + number, size)


KINDS = (
    Kind("rows", "CSV, 100 rows inserted in the middle", make_rows, insert_rows),
    Kind("table", "Parquet, 100 rows inserted in the middle", make_table, insert_into_table),
    Kind("database", "SQLite, 100 rows updated", make_database, update_rows),
    Kind("tar", "tar of files of 100 kB, 10 of them others and 10 new", make_tar, replace_members),
    Kind("model", "checkpoint of 64 layers, one of them trained", make_model, train_one_layer),
    Kind(
        "big",
        "random bytes, nothing edited",
        lambda path, size: workloads.make_big(path, size_bytes=size),
        lambda _: None,
    ),
)


def main() -> int:
    """Measure every kind with every tool once, and print a table for each."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="track-edits-", dir=options.folder))
    tables = []
    try:
        with serving(folder, options.rclone) as endpoint:
            for kind in KINDS:
                if kind.name in options.only:
                    tables.append(_measured(kind, folder / kind.name, endpoint, folder / "server", options))
                    print(tables[-1], flush=True)
    except Broken as error:
        print(f"stopped: {error}", file=sys.stderr)
    finally:
        if not options.keep:
            workloads.remove_tree(folder)
    if options.write_page:
        text = PAGE.read_text(encoding="utf-8")
        before, _, rest = text.partition(MARKS[0])
        PAGE.write_text(
            before + MARKS[0] + "\n".join(tables) + MARKS[1] + rest.partition(MARKS[1])[2], encoding="utf-8"
        )
    return 0


def _measured(kind: Kind, place: Path, endpoint: str, server: Path, options: argparse.Namespace) -> str:
    place.mkdir()
    size = min(options.mib, MOST_MIB.get(kind.name, options.mib)) << 20
    first, second = place / "first", place / "second"
    _in_a_process(kind.make, first, size)
    shutil.copyfile(first, second)
    _in_a_process(kind.change, second)
    tools: dict[str, Iterator[Step]] = {"track": _track(place / "track", first, second, endpoint, options.track)}
    if options.restic and kind.name != "big":
        tools["restic"] = _restic(place / "restic", first, second, endpoint, options.restic)
    if options.borg and kind.name != "big":
        tools["borg"] = _borg(server / "borg" / kind.name, place / "borg", first, second, options.borg)
    if kind.name == "big":
        tools["bare client"] = _bare(place / "bare", first, endpoint)
    cells: dict[str, dict[str, str]] = {}
    for tool, steps in tools.items():
        for step, _, commands, cwd, env in steps:
            workloads.settle()
            before = _bytes_in(server)
            done = measure(*commands, cwd=cwd, env={**PERSON, **env})
            sent = (_bytes_in(server) - before) / 2**20
            told = f"{done.wall_s:.2f} s ({done.cpu_s:.1f} cpu, {done.memory_bytes >> 20} MiB)"
            cells.setdefault(step, {})[tool] = told + (f", {sent:,.2f} MiB" if step != "pull" else "")
            print(f"{kind.name:9} {step:11} {tool:12} {cells[step][tool]}", file=sys.stderr, flush=True)
    names = list(tools)
    lines = [f"### {kind.edit} ({first.stat().st_size / 2**20:,.0f} MiB)", "", f"| step | {' | '.join(names)} |"]
    lines.append("| --- |" + " --- |" * len(names))
    for step in STEPS:
        if step in cells:
            lines.append(f"| {step} | {' | '.join(cells[step].get(name, '–') for name in names)} |")
    return "\n".join(lines) + "\n"


def _in_a_process(work: Callable[..., None], *args: object) -> None:
    """Do it in a process of its own: what this one holds would count for what it starts."""
    process = multiprocessing.get_context("fork").Process(target=work, args=args)
    process.start()
    process.join()
    if process.exitcode:
        raise Broken(f"{work.__name__} ended with {process.exitcode}")


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _track(place: Path, first: Path, second: Path, endpoint: str, track: Path) -> Iterator[Step]:
    repo, clone = place / "repo", place / "clone"
    env = {"AWS_ENDPOINT_URL": endpoint}
    repo.mkdir(parents=True)
    shutil.copyfile(first, repo / "data.bin")
    run(["git", "init", "--quiet", "--initial-branch=main"], repo, env)
    run([track, "init"], repo, env)
    run([track, "remote", "add", "origin", f"s3://{BUCKET}/track-{place.parent.name}"], repo, env)
    run(["git", *IDENTITY, "commit", "--quiet", "--allow-empty", "-m", "nothing yet"], repo, env)
    send: list[Command] = [[track, "add", "data.bin"], [track, "push"]]
    yield "first push", "track", send, repo, env
    run(["git", *IDENTITY, "commit", "--quiet", "-m", "one"], repo, env)
    if not filecmp.cmp(first, second, shallow=False):
        shutil.copyfile(second, repo / "data.bin")
        yield "push again", "track", send, repo, env
        run(["git", *IDENTITY, "commit", "--quiet", "-m", "two"], repo, env)
    run(["git", "clone", "--quiet", repo, clone], place, env)
    yield "pull", "track", [[track, "pull"]], clone, env
    if workloads.fingerprint(clone / "data.bin") != workloads.fingerprint(second):
        raise Broken("pull gives back every byte")


def _restic(place: Path, first: Path, second: Path, endpoint: str, restic: Path) -> Iterator[Step]:
    place.mkdir()
    shutil.copyfile(first, place / "data.bin")
    repository = f"s3:{endpoint}/{BUCKET}/restic-{place.parent.name}"
    env = {"RESTIC_REPOSITORY": repository, "RESTIC_CACHE_DIR": str(place / "known")}
    run([restic, "init", "--quiet"], place, env)
    backup = [restic, "backup", "--quiet", "data.bin"]
    yield "first push", "restic", [backup], place, env
    shutil.copyfile(second, place / "data.bin")
    yield "push again", "restic", [backup], place, env
    yield "pull", "restic", [[restic, "restore", "--quiet", "latest", "--target", "out"]], place, env


def _borg(repository: Path, place: Path, first: Path, second: Path, borg: Path) -> Iterator[Step]:
    place.mkdir()
    repository.parent.mkdir(exist_ok=True)
    shutil.copyfile(first, place / "data.bin")
    env = {
        "BORG_BASE_DIR": str(place / "base"),
        "BORG_REPO": str(repository),
        "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes",
    }
    env["BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK"] = "yes"
    run([borg, "init", "--encryption=none"], place, env)
    yield "first push", "borg", [[borg, "create", "::one", "data.bin"]], place, env
    shutil.copyfile(second, place / "data.bin")
    yield "push again", "borg", [[borg, "create", "::two", "data.bin"]], place, env
    (place / "out").mkdir()
    yield "pull", "borg", [[borg, "extract", "::two"]], place / "out", env


def _bare(place: Path, first: Path, endpoint: str) -> Iterator[Step]:
    place.mkdir()
    client: list[str | Path] = [sys.executable, _CLIENT, endpoint, BUCKET, KEY, SECRET]
    yield "first push", "bare client", [[*client, "up", first]], place, {}
    yield "pull", "bare client", [[*client, "down", place / "down"]], place, {}


def _options() -> argparse.Namespace:
    beside = Path(sys.executable).parent
    path = os.pathsep.join((str(beside), os.environ.get("PATH", "")))
    parser = argparse.ArgumentParser(prog="python -m tests.bench.edits", description=__doc__)
    parser.add_argument("--mib", type=int, default=1024, help="how large the files are (default: %(default)s)")
    parser.add_argument("--only", default=",".join(kind.name for kind in KINDS), help="kinds (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="where to work (default: the system's temporary folder)")
    parser.add_argument("--track", type=Path, default=beside / "track", help="track's program")
    parser.add_argument("--rclone", type=Path, default=shutil.which("rclone", path=path), help="rclone's program")
    parser.add_argument("--restic", type=Path, default=shutil.which("restic", path=path), help="restic's program")
    parser.add_argument("--borg", type=Path, default=shutil.which("borg", path=path), help="borg's program")
    parser.add_argument("--keep", action="store_true", help="leave the folder")
    parser.add_argument("--write-page", action="store_true", help=f"put the tables into docs: {PAGE.name}")
    options = parser.parse_args()
    options.only = options.only.split(",")
    if options.rclone is None:
        parser.error("rclone is not here: pip install 'track-data[bench]'")
    return options


if __name__ == "__main__":
    sys.exit(main())
