"""What the catalog costs on a long history: `python -m tests.bench.catalog [--folder DIR] [--write-page]`.

The repository is made with `git fast-import`: 10,000 commits that change 10 of 2,000 pointers each and add 2 records
of runs, so 100,000 versions and 20,000 runs; making it takes a minute. Beside the figures stands what `git log` takes
for the same history. Each is a whole process, the least of several but for the first build; beside the time that
passed stands that of the processor, which a busy machine changes less.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.measure import measure
from tests.support.long_history import Shape, long_history
from tests.support.repositories import git

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "benchmarks.md"
BEGIN, END = "<!-- catalog: begin -->\n", "<!-- catalog: end -->\n"
TRACK = (sys.executable, "-m", "track")
LOG = ("git", "log", "--raw", "-c", "--full-history", "--sparse", "--", "*.track", ".track/runs/*.toml")
QUESTIONS = (
    ("newest 10 that stand", ("--limit", "10")),
    ("by label, user and time", ("--limit", "10", "label.stage = raw and user = andy and created > 2026-04-01")),
    ("by label, in every version", ("--history", "--limit", "10", "--label", "ticket=AB-5", "--user", "andy")),
    ("runs by a metric", ("--runs", "--limit", "10", "metric.auc > 0.999")),
    ("all versions of one path", ("--history", "--name", "data/05/part-0005.csv")),
)
LISTS = (
    ("`runs list`, newest 10", ("--limit", "10")),
    ("`runs list`, best 10 by a metric", ("--limit", "10", "--sort=-metrics.auc")),
    ("`runs list`, 10 by a query", ("--limit", "10", "--where", "metric.auc > 0.999")),
)
WORDS = (
    ("completion of a tracked path", "track show data/05/"),
    ("completion of a run", "track runs show run-99"),
    ("completion of a label", "track find --label st"),
)
ITEM = "data/05/part-0005.csv"
MADE = "data/00/part-0000.csv"
LINEAGE = (
    ("`lineage` of one artifact", ("lineage", ITEM)),
    ("the same, 2 steps", ("lineage", "--depth", "2", ITEM)),
    ("`deps` of one artifact, 2 steps", ("deps", "--depth", "2", ITEM)),
    ("`who-uses` one artifact", ("who-uses", ITEM)),
    ("`lineage` of what a run made", ("lineage", MADE)),
    ("the same, by the records of every ref", ("lineage", "--all", MADE)),
    ("`why` of what a run made", ("why", MADE)),
    ("`stale`, the whole repository", ("stale",)),
)
ALL = ("every version there ever was, as lines of JSON", ("find", "--all", "--history", "--jsonl"))
"""The last one: what it prints stays in this process, and nothing below that can be told of those that follow."""


def main() -> int:
    """Make the repository unless it is there, measure, and print or write a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="keep the repository there, and measure it again the next time")
    parser.add_argument("--commits", type=int, default=Shape().commits)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write-page", action="store_true", help="put the table into docs/explanation/benchmarks.md")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="track-bench-catalog-"))
    repo = folder / "repo"
    try:
        if not repo.exists():
            long_history(repo, Shape(commits=options.commits))
        lines = list(_table(repo.absolute(), options.rounds))
    finally:
        if options.folder is None:
            shutil.rmtree(folder)
    print("\n".join(lines))
    if options.write_page:
        page = PAGE.read_text(encoding="utf-8")
        table = BEGIN + "\n".join(lines) + "\n" + END
        PAGE.write_text(
            re.sub(re.escape(BEGIN) + ".*" + re.escape(END), lambda _: table, page, flags=re.DOTALL), encoding="utf-8"
        )
    return 0


def _table(repo: Path, rounds: int) -> list[str]:
    lines = ["| | time | of the processor | memory |", "|---|---|---|---|"]
    for place in (repo / ".git" / "track").glob("catalog.db*"):
        place.unlink()

    def row(name: str, command: tuple[str, ...], times: int) -> None:
        found = [measure(command, cwd=repo) for _ in range(times)]
        floor = max(one.floor_bytes for one in found)
        most = max(one.memory_bytes for one in found)
        memory = f"{'< ' if most <= floor else ''}{max(most, floor) >> 20}"
        wall_s, cpu_s = min(one.wall_s for one in found), min(one.cpu_s for one in found)
        lines.append(f"| {name} | {wall_s:.3f} s | {cpu_s:.3f} s | {memory} MiB |")

    row("`git log` of all that changed", LOG, 1)
    row("first question, which builds the catalog", (*TRACK, "find", "--limit", "10"), 1)
    for name, asked in QUESTIONS:
        row(name, (*TRACK, "find", *asked), rounds)
    for name, asked in LISTS:
        row(name, (*TRACK, "runs", "list", *asked), rounds)
    for name, typed in WORDS:
        row(name, _completing(typed), rounds)
    for name, asked in LINEAGE:
        row(name, (*TRACK, *asked), 1)
    row("`path` to it from the last that it came from", (*TRACK, "path", _last_source(repo), ITEM), 1)
    _commit(repo)
    row("newest 10 that stand, after one commit", (*TRACK, "find", "--limit", "10"), 1)
    row("`track --version`", (*TRACK, "--version"), rounds)
    row(ALL[0], (*TRACK, *ALL[1]), 1)
    size = (repo / ".git" / "track" / "catalog.db").stat().st_size
    count = subprocess.run(
        ["git", "rev-list", "--count", "HEAD"], cwd=repo, capture_output=True, text=True, check=True
    ).stdout.strip()
    return [f"{int(count):,} commits; the catalog's file has {size / 1e6:.0f} MB.", "", *lines]


def _completing(typed: str) -> tuple[str, ...]:
    """What the script for bash runs when somebody typed this."""
    told = {"_TRACK_COMPLETE": "bash_complete", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    return ("env", *(f"{name}={value}" for name, value in told.items()), *TRACK)


def _last_source(repo: Path) -> str:
    """The digest of what the lineage names last."""
    asked = [*TRACK, "lineage", ITEM, "--only", "artifacts", "--json"]
    said = subprocess.run(asked, cwd=repo, capture_output=True, check=True).stdout
    return str(json.loads(said)["nodes"][-1]["digest"])


def _commit(repo: Path) -> None:
    """One commit that changes a pointer."""
    pointer = repo / "data" / "05" / "part-0005.csv.track"
    text = pointer.read_text()
    pointer.write_text(re.sub(r"rows = \d+", lambda one: f"rows = {int(one[0][7:]) + 1}", text))
    git("commit", "--quiet", "--message=one more", "data/05/part-0005.csv.track", cwd=repo)


if __name__ == "__main__":
    sys.exit(main())
