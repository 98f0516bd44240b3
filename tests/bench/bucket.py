"""Measures push and pull through S3 beside other tools: `python -m tests.bench.bucket [--files 20000]`.

The server is `rclone serve s3` on the loopback (`pip install 'track-data[bench]'`), as the peers were measured; it
shares the processors with the tools. restic and DVC (with `dvc-s3`) are measured when they are on the path, or named.
Nothing is removed before the end: for a minute after a removal, ext4 makes new files ten times as slowly.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.bench import workloads
from tests.bench.measure import Broken, Command, measure
from tests.bench.tools import compile_package

KEY, SECRET, BUCKET = "benchkey", "benchsecret", "bench"
PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "benchmarks.md"
STEPS = ("add", "push", "push, nothing to do", "pull into a fresh clone", "push 30 changes")
PERSON = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "RESTIC_PASSWORD": "x"}
IDENTITY = ("-c", "user.name=Bench", "-c", "user.email=bench@example.org", "-c", "commit.gpgSign=false")


def main() -> int:
    """Measure every tool so often as asked, and print a row for each step."""
    options = _options()
    compile_package()
    folder = Path(tempfile.mkdtemp(prefix="track-bucket-", dir=options.folder))
    figures: dict[tuple[str, str], list[str]] = {}
    try:
        source = folder / "source"
        sizes = {"files": options.files, "directories": max(options.files // 100, 1), "size_bytes": 4096}
        workloads.make_many(source, **sizes)
        change = workloads.change_of(**sizes)
        with serving(folder, options.rclone) as endpoint:
            for turn in range(options.repeats):
                for step, tool, told in _turn(folder / f"turn-{turn}", source, change, endpoint, options):
                    figures.setdefault((step, tool), []).append(told)
                    print(f"{step:24} {tool:8} {told}", file=sys.stderr, flush=True)
    except Broken as error:
        print(f"stopped: {error}", file=sys.stderr)
    finally:
        if not options.keep:
            workloads.remove_tree(folder)
    lines = _lines(figures, options.files)
    print(lines)
    if options.write_page:
        _write_page(lines)
    return 0


def _lines(figures: dict[tuple[str, str], list[str]], files: int) -> str:
    """The table, a column for each tool that was measured."""
    tools = list(dict.fromkeys(tool for _, tool in figures))
    rows = [
        f"### {files:,} files of 4 KiB to S3 and back",
        "",
        f"| step | {' | '.join(tools)} |",
        "| --- |" + " --- |" * len(tools),
    ]
    for step in STEPS:
        cells = [" · ".join(figures.get((step, tool), ["–"])) for tool in tools]
        rows.append(f"| {step} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _write_page(lines: str) -> None:
    """Put the table between its marks."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition("<!-- bucket: begin -->\n")
    _, _, after = rest.partition("<!-- bucket: end -->")
    text = f"{before}<!-- bucket: begin -->\n{lines}<!-- bucket: end -->{after}"
    PAGE.write_text(text, encoding="utf-8")


def _turn(
    place: Path, source: Path, change: workloads.Change, endpoint: str, options: argparse.Namespace
) -> Iterator[tuple[str, str, str]]:
    """One round of every tool: step, tool, what it took."""
    place.mkdir()
    tools = [_track_steps(place / "track", source, change, endpoint, options.track)]
    if options.restic:
        tools.append(_restic_steps(place / "restic", source, change, endpoint, options.restic))
    if "rclone" in options.tools:
        tools.append(_rclone_steps(place / "rclone", source, change, endpoint, options.rclone))
    if options.dvc:
        tools.append(_dvc_steps(place / "dvc", source, change, endpoint, options.dvc))
    for steps in tools:
        for step, tool, commands, cwd, env in steps:
            if tool not in options.tools:
                break
            workloads.settle()
            done = measure(*commands, cwd=cwd, env={**PERSON, **env})
            requests = ""
            with suppress(ValueError, KeyError, TypeError):
                requests = f", {json.loads(done.out)['requests']} requests"
            yield step, tool, f"{done.wall_s:.2f} s ({done.cpu_s:.1f} cpu, {done.memory_bytes >> 20} MiB{requests})"


Step = tuple[str, str, list[Command], Path, dict[str, str]]


def _track_steps(place: Path, source: Path, change: workloads.Change, endpoint: str, track: Path) -> Iterator[Step]:
    repo, clone = place / "repo", place / "clone"
    env = {"AWS_ENDPOINT_URL": endpoint}
    repo.mkdir(parents=True)
    workloads.copy_tree(source, repo / "data")
    run(["git", "init", "--quiet", "--initial-branch=main"], repo, env)
    for command in ([track, "init"], [track, "remote", "add", "origin", _url(place)]):
        run(command, repo, env)
    yield "add", "track", [[track, "add", "data"]], repo, env
    run(["git", *IDENTITY, "commit", "--quiet", "-m", "one"], repo, env)
    push = [track, "push", "--json"]
    yield "push", "track", [push], repo, env
    yield "push, nothing to do", "track", [push], repo, env
    run(["git", "clone", "--quiet", repo, clone], place, env)
    yield "pull into a fresh clone", "track", [[track, "pull"]], clone, env
    if workloads.fingerprint(clone / "data") != workloads.fingerprint(source):
        raise Broken("pull gives back every byte")
    change.apply(repo / "data")
    run([track, "add", "data"], repo, env)
    run(["git", *IDENTITY, "commit", "--quiet", "-m", "two"], repo, env)
    yield "push 30 changes", "track", [push], repo, env


def _restic_steps(place: Path, source: Path, change: workloads.Change, endpoint: str, restic: Path) -> Iterator[Step]:
    place.mkdir()
    workloads.copy_tree(source, place / "data")
    env = {
        "RESTIC_REPOSITORY": f"s3:{endpoint}/{BUCKET}/restic-{place.parent.name}",
        "RESTIC_CACHE_DIR": str(place / "known"),
    }
    run([restic, "init", "--quiet"], place, env)
    backup = [restic, "backup", "--quiet", "data"]
    yield "push", "restic", [backup], place, env
    yield "push, nothing to do", "restic", [backup], place, env
    yield "pull into a fresh clone", "restic", [[restic, "restore", "--quiet", "latest", "--target", "out"]], place, env
    change.apply(place / "data")
    yield "push 30 changes", "restic", [backup], place, env


def _rclone_steps(place: Path, source: Path, change: workloads.Change, endpoint: str, rclone: Path) -> Iterator[Step]:
    place.mkdir()
    workloads.copy_tree(source, place / "data")
    env = {
        "RCLONE_CONFIG_AT_TYPE": "s3", "RCLONE_CONFIG_AT_PROVIDER": "Rclone", "RCLONE_CONFIG_AT_ENDPOINT": endpoint,
        "RCLONE_CONFIG_AT_ACCESS_KEY_ID": KEY, "RCLONE_CONFIG_AT_SECRET_ACCESS_KEY": SECRET,
    }  # fmt: skip
    there = f"at:{BUCKET}/rclone-{place.parent.name}"
    copy = [rclone, "copy", "--config", os.devnull, "--quiet", "--transfers", "16"]
    yield "push", "rclone", [[*copy, "data", there]], place, env
    yield "push, nothing to do", "rclone", [[*copy, "data", there]], place, env
    yield "pull into a fresh clone", "rclone", [[*copy, there, "out"]], place, env
    change.apply(place / "data")
    yield "push 30 changes", "rclone", [[*copy, "data", there]], place, env


def _dvc_steps(place: Path, source: Path, change: workloads.Change, endpoint: str, dvc: Path) -> Iterator[Step]:
    repo, clone = place / "repo", place / "clone"
    env = {
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(place / "site"),
        "DVC_GLOBAL_CONFIG_DIR": str(place / "global"),
        "DVC_SYSTEM_CONFIG_DIR": str(place / "system"),
    }
    repo.mkdir(parents=True)
    workloads.copy_tree(source, repo / "data")
    run(["git", "init", "--quiet", "--initial-branch=main"], repo, env)
    for command in (
        ["init", "--quiet"],
        ["remote", "add", "--default", "origin", f"s3://{BUCKET}/dvc-{place.parent.name}"],
        ["remote", "modify", "origin", "endpointurl", endpoint],
    ):
        run([dvc, *command], repo, env)
    yield "add", "DVC", [[dvc, "add", "--quiet", "data"]], repo, env
    run(["git", "add", "--all"], repo, env)
    run(["git", *IDENTITY, "commit", "--quiet", "-m", "one"], repo, env)
    push = [dvc, "push", "--quiet"]
    yield "push", "DVC", [push], repo, env
    yield "push, nothing to do", "DVC", [push], repo, env
    change.apply(repo / "data")
    run([dvc, "add", "--quiet", "data"], repo, env)
    yield "push 30 changes", "DVC", [push], repo, env
    run(["git", "clone", "--quiet", repo, clone], place, env)
    yield "pull into a fresh clone", "DVC", [[dvc, "pull", "--quiet"]], clone, env


@contextmanager
def serving(folder: Path, rclone: Path) -> Iterator[str]:
    """`rclone serve s3` over an empty folder; gives its address."""
    root = folder / "server"
    (root / BUCKET).mkdir(parents=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [rclone, "serve", "s3", "--config", os.devnull, "--auth-key", f"{KEY},{SECRET}", "--addr", address, root]
    with open(folder / "server.log", "wb") as log:
        process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log)
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"http://{address}", timeout=1).close()
                break
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.05)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait()


def _url(place: Path) -> str:
    return f"s3://{BUCKET}/track-{place.parent.name}"


def run(command: Command, cwd: Path, env: dict[str, str]) -> None:
    """Run what is not measured. Raises Broken."""
    everything = {**os.environ, **PERSON, **env}
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=everything, capture_output=True, check=False)
    if done.returncode != 0:
        raise Broken(f"{' '.join(map(str, command))}:\n{done.stderr.decode(errors='backslashreplace')}")


def _options() -> argparse.Namespace:
    beside = Path(sys.executable).parent
    path = os.pathsep.join((str(beside), os.environ.get("PATH", "")))
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bucket", description=__doc__)
    parser.add_argument("--files", type=int, default=20_000, help="how many files of 4 KiB (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="how often everything is done (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="where to work (default: the system's temporary folder)")
    parser.add_argument("--track", type=Path, default=beside / "track", help="track's program")
    parser.add_argument("--rclone", type=Path, default=shutil.which("rclone", path=path), help="rclone's program")
    parser.add_argument("--restic", type=Path, default=shutil.which("restic", path=path), help="restic's program")
    parser.add_argument("--dvc", type=Path, default=shutil.which("dvc", path=path), help="DVC's program")
    parser.add_argument("--tools", default="track,restic,rclone,DVC", help="which (default: %(default)s)")
    parser.add_argument("--keep", action="store_true", help="leave the folder (on a filesystem that is thrown away)")
    parser.add_argument("--write-page", action="store_true", help=f"put the table into docs: {PAGE.name}")
    options = parser.parse_args()
    options.tools = options.tools.split(",")
    if options.rclone is None:
        parser.error("rclone is not here: pip install 'track-data[bench]'")
    return options


if __name__ == "__main__":
    sys.exit(main())
