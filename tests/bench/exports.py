"""What an export of a long history costs: `python -m tests.bench.exports [--folder DIR] [--write-page]`.

The repository is that of `tests.bench.catalog`: 100,000 versions and 20,000 runs. The catalog is there already; beside
the export stands a question that reads the whole of the same, and DuckDB counting what was written.
"""

import argparse
import re
import shutil
import sys
import tempfile
from pathlib import Path

from tests.bench.measure import measure
from tests.support.long_history import Shape, long_history

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "benchmarks.md"
BEGIN, END = "<!-- exports: begin -->\n", "<!-- exports: end -->\n"
TRACK = (sys.executable, "-m", "track")
QUERY = "import duckdb; print(duckdb.sql(\"SELECT kind, count(*) FROM 'out/edges/*.parquet' GROUP BY 1\").fetchall())"


def main() -> int:
    """Make the repository unless it is there, measure, and print or write a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="keep the repository there, and measure it again the next time")
    parser.add_argument("--commits", type=int, default=Shape().commits)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument(
        "--prepare", action="store_true", help="make the repository and its catalog, and measure nothing"
    )
    parser.add_argument("--write-page", action="store_true", help="put the table into docs/explanation/benchmarks.md")
    options = parser.parse_args()
    folder = (options.folder or Path(tempfile.mkdtemp(prefix="track-bench-exports-"))).absolute()
    try:
        if not (folder / "repo").exists():
            long_history(folder / "repo", Shape(commits=options.commits))
        measure((*TRACK, "find", "--limit", "1"), cwd=folder / "repo")
        if options.prepare:
            return 0
        lines = list(_table(folder, options.rounds))
    finally:
        if options.folder is None:
            shutil.rmtree(folder)
    print("\n".join(lines))
    if options.write_page:
        table = BEGIN + "\n".join(lines) + "\n" + END
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(
            re.sub(re.escape(BEGIN) + ".*" + re.escape(END), lambda _: table, page, flags=re.DOTALL), encoding="utf-8"
        )
    return 0


def _table(folder: Path, rounds: int) -> list[str]:
    lines = ["| | time | of the processor | memory |", "|---|---|---|---|"]

    def row(name: str, command: tuple[str, ...], cwd: Path) -> None:
        found = [measure(command, cwd=cwd) for _ in range(rounds)]
        memory = max(one.memory_bytes for one in found) >> 20
        wall_s, cpu_s = min(one.wall_s for one in found), min(one.cpu_s for one in found)
        lines.append(f"| {name} | {wall_s:.2f} s | {cpu_s:.2f} s | {memory} MiB |")

    row("`track catalog export ../out`", (*TRACK, "catalog", "export", "../out"), folder / "repo")
    everything = (*TRACK, "find", "--all", "--history", "--jsonl")
    row("`track find --all --history --jsonl`, versions alone", everything, folder / "repo")
    row("DuckDB counting the edges by kind", (sys.executable, "-c", QUERY), folder)
    files = sorted((folder / "out").rglob("*.parquet"))
    sizes = ", ".join(f"{path.parent.name} {path.stat().st_size / 1e6:.1f} MB" for path in files)
    return [f"What was written: {sizes}.", "", *lines]


if __name__ == "__main__":
    sys.exit(main())
