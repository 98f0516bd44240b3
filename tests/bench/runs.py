"""What a run costs the program that it watches: `python -m tests.bench.runs [--peer PYTHON] [--write-page]`.

Each figure is the median of several fresh processes. MLflow's file store and DVCLive are measured beside it where the
Python of `--peer` has them. At the end a program trains for a minute (`--seconds`, 0 leaves it out; it alone:
`--training`), as often as `--training-rounds` bare and under `track run`, in turn.
"""

import argparse
import itertools
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

POINTS = 10_000
FILES = 2_000
PARTS = 20
"""Files are opened in so many turns, and the quickest counts: what else the machine does is none of the cost."""
TRACKED = 1_000
PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "benchmarks.md"
MARKS = "<!-- runs: begin -->\n", "<!-- runs: end -->"
ROUNDS = 5
SECONDS = 60.0
TRAINING_ROUNDS = 3
STEPS = 60
"""A program that trains goes so often over each small file: near a millisecond, as to decode a small picture takes."""
_RUN = [sys.executable, "-m", "track", "run", "--no-keep"]

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
for n in range(POINTS // 50):
    mlflow.log_metric("loss", 1.0 / (n + 1), step=n)
c = time.perf_counter()
mlflow.end_run()
d = time.perf_counter()
print(json.dumps({"start": b - a, "metric": (c - b) / (POINTS // 50), "close": d - c}))
"""

_DVCLIVE = """
import json, time
a = time.perf_counter()
from dvclive import Live
live = Live(save_dvc_exp=False)
b = time.perf_counter()
for n in range(POINTS // 50):
    live.log_metric("loss", 1.0 / (n + 1))
    live.next_step()
c = time.perf_counter()
live.end()
d = time.perf_counter()
print(json.dumps({"start": b - a, "metric": (c - b) / (POINTS // 50), "close": d - c}))
"""

_OPENS = """
import json, time
took = []
for part in range(PARTS):
    names = [f"d/{n}" for n in range(part, FILES, PARTS)]
    a = time.perf_counter()
    for name in names:
        with open(name, "rb") as file:
            file.read()
    took.append((time.perf_counter() - a) / len(names))
print(json.dumps({"open": min(took)}), file=open("opened.json", "w"))
"""

_OPENS_IN_C = """
import ctypes, json, time
library = ctypes.CDLL(None)
took = []
for part in range(PARTS):
    names = [f"d/{n}".encode() for n in range(part, FILES, PARTS)]
    a = time.perf_counter()
    for name in names:
        library.close(library.open(name, 0))
    took.append((time.perf_counter() - a) / len(names))
print(json.dumps({"open": min(took)}), file=open("opened.json", "w"))
"""

_STARTS = """
import json, resource, subprocess, sys
took = []
for _ in range(PARTS):
    a = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    subprocess.run([sys.executable, "-c", ""], check=True)
    took.append(sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) - a)
print(json.dumps({"open": min(took)}), file=open("opened.json", "w"))
"""

_TRAINS = """
import json, random, sys, time
epochs, seconds = int(sys.argv[1]), float(sys.argv[2])
began, epoch, weights = time.perf_counter(), 0, [0.5] * 256
while epoch < epochs or time.perf_counter() - began < seconds:
    names = [f"d/{n}" for n in range(FILES)]
    random.Random(epoch).shuffle(names)
    for name in names:
        with open(name, "rb") as file:
            batch = file.read()
        for _ in range(STEPS):
            for n, byte in enumerate(batch):
                weights[n] = 0.999 * weights[n] + 0.001 * byte / 255
    epoch += 1
    print(f"epoch {epoch}: loss {sum(weights) / len(weights):.6f}", flush=True)
    with open("model.bin", "wb") as file:
        file.write(json.dumps([time.time_ns(), weights]).encode())
print(json.dumps({"epochs": epoch, "seconds": time.perf_counter() - began}))
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
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long a program trains bare; 0: it does not")
    parser.add_argument("--training-rounds", type=int, default=TRAINING_ROUNDS, help="how often it trains, each way")
    parser.add_argument("--training", action="store_true", help="nothing but the program that trains; writes no page")
    parser.add_argument("--write-page", action="store_true", help=f"put the tables into docs: {PAGE.name}")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="track-bench-runs-"))
    lines: list[str] = []
    try:
        _repository(folder)
        found = [] if options.training else [_table(folder, options.peer and options.peer.absolute(), options.rounds)]
        if options.seconds > 0:
            found.append(_trained(folder, options.seconds, options.training_rounds))
        for line in itertools.chain.from_iterable(found):
            print(line, flush=True)
            lines.append(line)
    finally:
        shutil.rmtree(folder)
    if options.write_page and not options.training:
        text = PAGE.read_text(encoding="utf-8")
        before, after = text.split(MARKS[0])[0], text.partition(MARKS[1])[2]
        content = "".join(f"{line}\n" for line in lines)
        PAGE.write_text(f"{before}{MARKS[0]}{content}{MARKS[1]}{after}", encoding="utf-8")
    return 0


def _table(folder: Path, peer: Path | None, rounds: int) -> Iterator[str]:
    yield from ("| | start | a metric | close |", "|---|---|---|---|")
    for name, python, script in (
        ("track", Path(sys.executable), _TRACK),
        ("MLflow, file store", peer, _MLFLOW),
        ("DVCLive", peer, _DVCLIVE),
    ):
        found = [each for _ in range(rounds) if python and (each := _timed(python, script, folder)) is not None]
        if not found:
            yield f"| {name} | not here | | |"
            continue
        start, metric, close = (statistics.median(each[key] for each in found) for key in ("start", "metric", "close"))
        yield (f"| {name} | {start * 1000:.0f} ms | {metric * 1e6:.1f} µs | {close * 1000:.0f} ms |")
    series = [each for _ in range(rounds) if (each := _timed(Path(sys.executable), _SERIES, folder)) is not None]
    seal, load = (statistics.median(each[key] for each in series) for key in ("seal", "load"))
    yield from _observing(folder, rounds)
    yield ""
    yield f"A million points: {series[0]['bytes'] / 1e6:.1f} MB, sealed in {seal:.2f} s, loaded in {load:.2f} s."


def _observing(folder: Path, rounds: int) -> Iterator[str]:
    """What it costs to notice: a file opened by Python and by a library, a Python that starts, and a whole run."""
    columns = [("as it is", "off"), ("data that is not tracked", "auto"), ("tracked", "auto"), ("traced", "trace")]
    found: dict[str, list[float]] = {name: [] for name in ("opens.py", "in_c.py", "starts.py")}
    for name, observe in columns:
        if name == "tracked":
            for words in (("add", "--quiet", "d"), ("add", "--quiet", *(f"files/{n}.h5" for n in range(TRACKED)))):
                subprocess.run([sys.executable, "-m", "track", *words], cwd=folder, check=True, capture_output=True)
        for script, figures in found.items():
            figures.append(_observed(folder, observe, script, rounds))
    rows = (("a file opened by Python", "opens.py", 1e6, "µs"), ("a file opened in C", "in_c.py", 1e6, "µs"))
    yield from ("", "| | " + " | ".join(name for name, _ in columns) + " |", "|---" * (len(columns) + 1) + "|")
    for told, script, factor, unit in (*rows, ("a Python that starts, processor time", "starts.py", 1e3, "ms")):
        yield f"| {told} | " + " | ".join(f"{figure * factor:.1f} {unit}" for figure in found[script]) + " |"
    alone, watched = (_whole(folder, command, rounds) for command in (["true"], [*_RUN, "--", "true"]))
    yield from ("", f"`track run -- true` takes {(watched - alone) * 1000:.0f} ms more of processor time than `true`.")


def _trained(folder: Path, seconds: float, rounds: int) -> Iterator[str]:
    """What `track run` adds to a program that reads 2,000 tracked files an epoch and writes a tracked model after it.

    How many epochs take so many seconds is found first, so that both ways do the same work. Each watched run is kept.
    """
    (folder / "model.bin").write_bytes(b"")
    for words in ("d", "model.bin"):
        subprocess.run([sys.executable, "-m", "track", "add", "--quiet", words], cwd=folder, check=True)
    program = [sys.executable, "trains.py"]
    command = [*program, "0", str(min(seconds, 5))]
    tried = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    said = json.loads(tried.stdout.splitlines()[-1])
    program += [str(max(1, round(seconds * said["epochs"] / said["seconds"]))), "0"]
    bare, watched = [], []
    for _ in range(rounds):
        bare.append(_elapsed(folder, program))
        watched.append(_elapsed(folder, [sys.executable, "-m", "track", "run", "--", *program]))
    alone, run = (statistics.median(took for took, _ in each) for each in (bare, watched))
    used, run_used = (statistics.median(used for _, used in each) for each in (bare, watched))
    yield from ("", "| a program that trains | bare | `track run` | more |", "|---" * 4 + "|")
    for told, before, after in (("time", alone, run), ("processor time", used, run_used)):
        yield f"| {told} | {before:.2f} s | {after:.2f} s | {(after / before - 1) * 100:.1f} % |"
    epochs = int(program[-2])
    yield from (
        "",
        f"It goes over {FILES:,} tracked files in each of {epochs:,} epochs, and writes a tracked model after it.",
    )


def _repository(folder: Path) -> None:
    quiet = {"cwd": folder, "check": True, "capture_output": True}
    subprocess.run(["git", "init", "-b", "main", "."], **quiet)  # type: ignore[call-overload]
    for name, value in (("user.name", "Ada"), ("user.email", "ada@example.org")):
        subprocess.run(["git", "config", name, value], **quiet)  # type: ignore[call-overload]
    subprocess.run([sys.executable, "-m", "track", "init"], **quiet)  # type: ignore[call-overload]
    for name, script in (
        ("opens.py", _OPENS),
        ("in_c.py", _OPENS_IN_C),
        ("starts.py", _STARTS),
        ("trains.py", _TRAINS),
    ):
        (folder / name).write_text(_filled(script))
    (folder / ".gitignore").write_text("/.store\nmlruns\ndvclive\nopened.json\n/d\n/files\n/model.bin\n")
    subprocess.run(["git", "add", "."], **quiet)  # type: ignore[call-overload]
    subprocess.run(["git", "commit", "-m", "code"], **quiet)  # type: ignore[call-overload]
    (folder / "d").mkdir()
    for number in range(FILES):
        (folder / f"d/{number}").write_bytes(b"x" * 100)
    (folder / "files").mkdir()
    for number in range(TRACKED):
        (folder / f"files/{number}.h5").write_bytes(b"%d" % number)


def _filled(script: str) -> str:
    return script.replace("FILES", str(FILES)).replace("PARTS", str(PARTS)).replace("STEPS", str(STEPS))


def _timed(python: Path, script: str, folder: Path) -> dict[str, float] | None:
    """The figures that a fresh process prints; None when it cannot run there."""
    text = script.replace("POINTS", str(POINTS))
    done = subprocess.run([str(python), "-c", text], cwd=folder, capture_output=True, text=True, env=_environment())
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        return None
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _observed(folder: Path, observe: str, script: str, rounds: int) -> float:
    """Seconds that a script says it took for each file, or seconds of processor time of a Python that starts."""
    found = []
    for _ in range(rounds):
        command = [*_RUN, "--observe", observe, "--", sys.executable, script]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, env=_environment())
        found.append(json.loads((folder / "opened.json").read_text())["open"])
    return statistics.median(found)


def _whole(folder: Path, command: list[str], rounds: int) -> float:
    """Seconds of processor time that a command takes with all that it starts."""
    found = []
    for _ in range(rounds):
        began = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
        subprocess.run(command, cwd=folder, check=True, capture_output=True, env=_environment())
        found.append(sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) - began)
    return statistics.median(found)


def _elapsed(folder: Path, command: list[str]) -> tuple[float, float]:
    """Seconds that a command takes, and seconds of processor time with all that it starts."""
    began, used = time.perf_counter(), sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=_environment())
    return time.perf_counter() - began, sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) - used


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
