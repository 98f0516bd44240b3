"""Measures how fast `track verify` reads, beside bare loops over the same files: `python -m tests.bench.verifying`.

The working data is removed before, so that one store alone is read: the local one, one whose large files are in chunks,
a folder, an encrypted folder, or a bucket of SeaweedFS on the loopback. `bare` reads each file and hashes it on all
cores; `threads` does one file in each thread; `mapped` is what `b3sum` does. Of a bucket they are over the files of the
folder, which are the same, and `client` has the same objects from the bucket and hashes them, in eight threads, by the
client that `track` uses. `start` is `track verify` of an empty project. The loops and the commands take turns; each
figure is the best of `--repeats`, in MB a second of stored bytes, with a warm page cache.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import obstore
from blake3 import blake3
from obstore.store import S3Store
from tests.bench.measure import measure
from tests.bench.tools import IDENTITY, compile_package
from tests.support import seaweed

KINDS = ("store", "folder", "encrypted", "chunked", "s3")
TRACK = (sys.executable, "-P", "-m", "track")
_PIECE = 256 << 10


def main() -> int:
    """Measure and print."""
    options = _options()
    compile_package()
    folder = (options.folder or Path(tempfile.mkdtemp(prefix="track-verify-bench-"))).absolute()
    os.environ["XDG_CONFIG_HOME"] = str(folder / "config")
    try:
        with ExitStack() as servers:
            for kind in options.only:
                if kind == "s3":
                    server = servers.enter_context(seaweed.seaweed(folder / f"server-{os.getpid()}"))
                    os.environ |= {"AWS_ENDPOINT_URL": server.endpoint, **seaweed.OWNER.environment}
                print(f"{kind:9} {_measure(folder, kind, options)}", flush=True)
    finally:
        if options.folder is None:
            shutil.rmtree(folder)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=100_000, help="files of 4 KiB, which go into packs")
    parser.add_argument("--large-mib", type=int, default=512, help="of larger files, each of 64 MiB")
    parser.add_argument("--only", type=_kinds, default=KINDS, help=f"some of {','.join(KINDS)}")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="keep what is made there, and measure it again the next time")
    return parser.parse_args()


def _kinds(text: str) -> tuple[str, ...]:
    kinds = tuple(text.split(","))
    if not set(kinds) <= set(KINDS):
        raise argparse.ArgumentTypeError(f"{text}: each has to be one of {', '.join(KINDS)}")
    return kinds


def _measure(folder: Path, kind: str, options: argparse.Namespace) -> str:
    """The table of one kind, in lines."""
    repo, where = _made(folder, kind, options), () if kind in ("store", "chunked") else ("--remote", kind)
    files = sorted(_files(folder, kind))
    size = sum(path.stat().st_size for path in files)
    keys = [f"bench/{path.relative_to(folder / 'folder').as_posix()}" for path in files] if kind == "s3" else []
    empty = _repo(folder / "empty")
    works: dict[str, Callable[[], int]] = {
        "bare": lambda: _loop(_whole, files, 1),
        "threads": lambda: _loop(_in_pieces, files, os.cpu_count() or 1),
        "mapped": lambda: _loop(_mapped, files, 1),
        **({"client": lambda: _loop(_fetched(), keys, 8)} if kind == "s3" else {}),
        "verify": lambda: measure([*TRACK, "verify", *where], cwd=repo).memory_bytes,
        "--deep": lambda: measure([*TRACK, "verify", "--deep", *where], cwd=repo).memory_bytes,
        "start": lambda: measure([*TRACK, "verify"], cwd=empty).memory_bytes,
    }
    seconds, memory = _best(works, options.repeats)
    lines = [f"{size / 2**20:,.0f} MiB in {len(files)} files"]
    for name in works:
        took = f"  {name:8} {seconds[name]:7.3f} s"
        if name != "start":
            took += f"  {size / seconds[name] / 1e6:7,.0f} MB/s  {seconds['bare'] / seconds[name]:5.0%} of bare"
        lines.append(took + (f"  {memory[name] >> 20:5} MiB" if memory[name] else ""))
    return "\n".join(lines)


def _best(works: dict[str, Callable[[], int]], repeats: int) -> tuple[dict[str, float], dict[str, int]]:
    """The seconds of each, and the most memory: one after the other, so often as asked."""
    seconds = dict.fromkeys(works, float("inf"))
    memory = dict.fromkeys(works, 0)
    for _ in range(repeats):
        for name, work in works.items():
            start = time.perf_counter()
            memory[name] = max(memory[name], work())
            seconds[name] = min(seconds[name], time.perf_counter() - start)
    return seconds, memory


def _loop(hashed: Callable[[Any], object], files: Sequence[Any], threads: int) -> int:
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(hashed, files))
    return 0


def _whole(path: Path) -> bytes:
    return blake3(path.read_bytes(), max_threads=blake3.AUTO).digest()


def _mapped(path: Path) -> bytes:
    return blake3(max_threads=blake3.AUTO).update_mmap(path).digest()


def _in_pieces(path: Path) -> bytes:
    hasher, buffer = blake3(), memoryview(bytearray(_PIECE))
    with path.open("rb", buffering=0) as file:
        while length := file.readinto(buffer):
            hasher.update(buffer[:length])
    return hasher.digest()


def _fetched() -> Callable[[str], bytes]:
    """What has an object from the bucket and hashes it as it comes; it keeps nothing and asks for nothing again."""
    secret = {"access_key_id": seaweed.OWNER.key, "secret_access_key": seaweed.OWNER.secret}
    place = {"endpoint": os.environ["AWS_ENDPOINT_URL"], "region": "us-east-1", "virtual_hosted_style_request": False}
    store = S3Store(seaweed.BUCKET, **secret, **place, client_options={"allow_http": True})

    def hashed(key: str) -> bytes:
        hasher = blake3()
        for piece in obstore.get(store, key).stream(min_chunk_size=8 << 20):
            hasher.update(piece)
        return hasher.digest()

    return hashed


def _files(folder: Path, kind: str) -> Iterator[Path]:
    places = {"store": "whole/.git/track/store", "chunked": "chunked/.git/track/store", "encrypted": "encrypted"}
    place = folder / places.get(kind, "folder")
    for part in ("packs", "objects"):
        yield from (path for path in (place / part).rglob("*") if path.is_file())


def _made(folder: Path, kind: str, options: argparse.Namespace) -> Path:
    """The repository to verify, its data in its store, at the remote of this kind, and not in its working tree."""
    name = "chunked" if kind == "chunked" else "whole"
    repo = folder / name
    if not repo.is_dir():
        _repo(repo)
        if kind == "chunked":
            _run([*TRACK, "config", "--clone", "store.chunks", "true"], repo)
        _write(repo / "data", options.small, options.large_mib)
        _run([*TRACK, "add", "data"], repo)
        _run(["git", *IDENTITY, "commit", "-qm", "data"], repo)
        shutil.rmtree(repo / "data")
    if name == "whole":
        for remote in ("folder", kind) if kind == "s3" else (kind,):
            _push(folder, repo, remote)
    os.sync()
    return repo


def _push(folder: Path, repo: Path, remote: str) -> None:
    if remote == "store" or (remote != "s3" and (folder / remote).is_dir()):
        return
    sealed: list[str] = []
    if remote == "encrypted":
        subprocess.run([*TRACK, "remote", "identity", "--new"], cwd=repo, capture_output=True)
        told = subprocess.run([*TRACK, "remote", "identity"], cwd=repo, check=True, capture_output=True, text=True)
        sealed = ["--encrypt", told.stdout.strip()]
    url = f"s3://{seaweed.BUCKET}/bench" if remote == "s3" else str(folder / remote)
    _run([*TRACK, "remote", "add", "--clone", remote, url, *sealed], repo)
    _run([*TRACK, "push", remote], repo)


def _repo(repo: Path) -> Path:
    if not repo.is_dir():
        repo.mkdir(parents=True)
        _run(["git", "init", "-q", "."], repo)
        _run([*TRACK, "init", "--no-hooks"], repo)
    return repo


def _write(data: Path, small: int, large_mib: int) -> None:
    data.mkdir()
    for number in range(small):
        path = data / f"{number // 1000}/{number}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(os.urandom(4096))
    for number in range(large_mib // 64):
        (data / f"large{number}").write_bytes(os.urandom(64 << 20))


def _run(command: Sequence[str], cwd: Path) -> None:
    subprocess.run(command, cwd=cwd, check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
