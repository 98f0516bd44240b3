"""What a run costs the program that it watches: `python -m tests.bench.runs [--peer PYTHON]`.

Each figure is the median of several fresh processes. MLflow's file store and DVCLive are measured beside it where the
Python of `--peer` has them.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

POINTS = 10_000
FILES = 2_000
ROUNDS = 5

_TRACK = """
import json, sys, time
a = time.perf_counter()
import track
run = track.Run()
run.config(suppress_errors=False, queue_size=10**6)
run.init("bench")
b = time.perf_counter()
for n in range(POINTS):
    run.log_metrics({"loss": 1.0 / (n + 1)})
c = time.perf_counter()
run.close()
d = time.perf_counter()
print(json.dumps({"start": b - a, "metric": (c - b) / POINTS, "close": d - c}))
"""

_MLFLOW = """
import json, time
a = time.perf_counter()
import mlflow
mlflow.set_tracking_uri("file:./mlruns")
mlflow.start_run()
b = time.perf_counter()
for n in range(POINTS // 10):
    mlflow.log_metric("loss", 1.0 / (n + 1), step=n)
c = time.perf_counter()
mlflow.end_run()
d = time.perf_counter()
print(json.dumps({"start": b - a, "metric": (c - b) / (POINTS // 10), "close": d - c}))
"""

_DVCLIVE = """
import json, time
a = time.perf_counter()
from dvclive import Live
live = Live(save_dvc_exp=False)
b = time.perf_counter()
for n in range(POINTS // 10):
    live.log_metric("loss", 1.0 / (n + 1))
    live.next_step()
c = time.perf_counter()
live.end()
d = time.perf_counter()
print(json.dumps({"start": b - a, "metric": (c - b) / (POINTS // 10), "close": d - c}))
"""

_OPENS = """
import json, time
names = [f"d/{n}" for n in range(FILES)]
a = time.perf_counter()
for name in names:
    with open(name, "rb") as file:
        file.read()
print(json.dumps({"open": (time.perf_counter() - a) / FILES}), file=open("opened.json", "w"))
"""

_SERIES = """
import json, time
from track.model.series import Points, dump_points, parse_points
from array import array
import math
count, noise, at = 1_000_000, 12345, 1_700_000_000_000_000
start, values, stamps = at, array("d"), array("q")
for n in range(count):
    noise = (noise * 1103515245 + 12345) % 2**31
    at += 900 + noise % 500
    values.append(math.exp(-n / 3e5) + noise / 2**37)
    stamps.append(at)
times = array("d", [(stamp - start) / 1e6 for stamp in stamps])
points = Points(array("q", range(count)), stamps, times, values)
a = time.perf_counter()
data = dump_points({"loss": points}, start)
b = time.perf_counter()
parse_points(data)
c = time.perf_counter()
print(json.dumps({"seal": b - a, "load": c - b, "bytes": len(data)}))
"""


def main() -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", type=Path, help="a Python that has mlflow or dvclive")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="track-bench-runs-"))
    try:
        _repository(folder)
        _table(folder, options.peer and options.peer.absolute(), options.rounds)
    finally:
        shutil.rmtree(folder)
    return 0


def _table(folder: Path, peer: Path | None, rounds: int) -> None:
    print("| | start | a metric | close |\n|---|---|---|---|")
    for name, python, script in (
        ("track", Path(sys.executable), _TRACK),
        ("MLflow, file store", peer, _MLFLOW),
        ("DVCLive", peer, _DVCLIVE),
    ):
        found = [each for _ in range(rounds) if python and (each := _timed(python, script, folder)) is not None]
        if not found:
            print(f"| {name} | not here | | |")
            continue
        start, metric, close = (statistics.median(each[key] for each in found) for key in ("start", "metric", "close"))
        print(f"| {name} | {start * 1000:.0f} ms | {metric * 1e6:.1f} µs | {close * 1000:.0f} ms |")
    series = [each for _ in range(rounds) if (each := _timed(Path(sys.executable), _SERIES, folder)) is not None]
    seal, load = (statistics.median(each[key] for each in series) for key in ("seal", "load"))
    print(f"\nA million points: {series[0]['bytes'] / 1e6:.1f} MB, sealed in {seal:.2f} s, loaded in {load:.2f} s.")
    off, on = (_opened(folder, how, rounds) for how in ("off", "auto"))
    print(f"A file opened in Python: {off * 1e6:.1f} µs, under `track run` {on * 1e6:.1f} µs.")


def _repository(folder: Path) -> None:
    quiet = {"cwd": folder, "check": True, "capture_output": True}
    subprocess.run(["git", "init", "-b", "main", "."], **quiet)  # type: ignore[call-overload]
    for name, value in (("user.name", "Ada"), ("user.email", "ada@example.org")):
        subprocess.run(["git", "config", name, value], **quiet)  # type: ignore[call-overload]
    subprocess.run([sys.executable, "-m", "track", "init"], **quiet)  # type: ignore[call-overload]
    (folder / "opens.py").write_text(_OPENS.replace("FILES", str(FILES)))
    (folder / ".gitignore").write_text("/.store\nmlruns\ndvclive\nopened.json\n/d\n")
    subprocess.run(["git", "add", "."], **quiet)  # type: ignore[call-overload]
    subprocess.run(["git", "commit", "-m", "code"], **quiet)  # type: ignore[call-overload]
    (folder / "d").mkdir()
    for number in range(FILES):
        (folder / f"d/{number}").write_bytes(b"x" * 100)


def _timed(python: Path, script: str, folder: Path) -> dict[str, float] | None:
    """The figures that a fresh process prints; None when it cannot run there."""
    text = script.replace("POINTS", str(POINTS))
    done = subprocess.run([str(python), "-c", text], cwd=folder, capture_output=True, text=True, env=_environment())
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        return None
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _opened(folder: Path, observe: str, rounds: int) -> float:
    command = [
        sys.executable,
        "-m",
        "track",
        "run",
        "--no-keep",
        "--observe",
        observe,
        "--",
        sys.executable,
        "opens.py",
    ]
    found = []
    for _ in range(rounds):
        subprocess.run(command, cwd=folder, check=True, capture_output=True, env=_environment())
        found.append(json.loads((folder / "opened.json").read_text())["open"])
    return statistics.median(found)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "TRACK_RUN_ID"} | {
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "DVCLIVE_LOGLEVEL": "ERROR",
        "DVC_NO_ANALYTICS": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }


if __name__ == "__main__":
    sys.exit(main())
