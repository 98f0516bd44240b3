"""Measures `track` beside DVC, Git and bare loops: `python -m tests.bench [--files 10000 --quick]`."""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench import steps, table, workloads
from tests.bench.steps import Figure, Sizes
from tests.bench.tools import Dvc, Git, Tool, Track, find_dvc

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "benchmarks.md"


def main() -> int:
    """Measure what was asked for, print the table, and keep the raw figures where they were asked for."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="track-bench-", dir=options.folder))
    try:
        figures = _measured(options, folder)
    finally:
        if not options.keep:
            workloads.remove_tree(folder)
    about = {
        "files": options.files,
        "directories": options.directories,
        "file_bytes": options.file_bytes,
        "big_mib": options.big_mib,
        "million": options.million,
    }
    body = table.table(figures, about)
    print(body)
    if options.raw:
        rows = [{**figure._asdict(), "measured": _row(figure)} for figure in figures]
        options.raw.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    if options.write_page:
        versions = ", ".join(f"{tool.name} {tool.version()}" for tool in _tools(options, Path(tempfile.gettempdir())))
        lines = f"{versions}; median of {options.repeats}.\n{table.machine(_filesystem(folder.parent))}.\n\n"
        table.write_page(PAGE, lines + body)
    return 0


def _measured(options: argparse.Namespace, folder: Path) -> list[Figure]:
    figures: list[Figure] = []

    def report(figure: Figure) -> None:
        figures.append(figure)
        wall_s, memory = figure.measured.wall_s, figure.measured.memory_bytes / 2**20
        line = f"{figure.workload:8} {figure.step:30} {figure.tool:15} {wall_s:8.3f} s {memory:6.0f} MiB"
        print(line, file=sys.stderr, flush=True)

    sizes = Sizes(options.files, options.directories, options.file_bytes, options.big_mib << 20, options.repeats)
    tools = _tools(options, folder)
    many, large = folder / "many", folder / "large.bin"
    if "many" in options.only:
        workloads.make_many(many, files=sizes.files, directories=sizes.directories, size_bytes=sizes.file_bytes)
    if "big" in options.only:
        workloads.make_big(large, size_bytes=sizes.big_bytes)
    for turn in range(sizes.repeats):
        for tool in tools[turn % len(tools) :] + tools[: turn % len(tools)]:
            if "small" in options.only:
                _in_folder(folder, lambda place, tool=tool: steps.small(tool, place, sizes, report))
            if "many" in options.only:
                _in_folder(folder, lambda place, tool=tool: steps.many(tool, place, many, sizes, report))
            if "big" in options.only and tool.name != "Git":
                _in_folder(folder, lambda place, tool=tool: steps.big(tool, place, large, sizes, report))
        if "many" in options.only:
            _in_folder(folder, lambda place: steps.limits_many(place, many, report))
        if "big" in options.only:
            _in_folder(folder, lambda place: steps.limits_big(place, large, report))
    if options.million:
        _in_folder(
            folder, lambda place: steps.million(tools[0], place, steps.Sizes(options.million, 1000, 64, 0, 1), report)
        )
    return figures


def _in_folder(folder: Path, work) -> None:  # type: ignore[no-untyped-def]  # a step, in a folder of its own
    """Nothing is removed before the end: for a minute after a removal, ext4 makes new files ten times as slowly."""
    work(Path(tempfile.mkdtemp(prefix="turn-", dir=folder)))


def _tools(options: argparse.Namespace, folder: Path) -> list[Tool]:
    chosen: list[Tool] = []
    for name in options.tools:
        if name == "track":
            chosen.append(Track(options.track))
        elif name == "git":
            chosen.append(Git())
        elif name == "dvc":
            program = find_dvc(options.dvc, folder, install=options.install_dvc)
            if program is None:
                print("DVC is not here: left out (--install-dvc gets it, --dvc PATH names it)", file=sys.stderr)
            else:
                chosen.append(Dvc(program, folder))
    return chosen


def _row(figure: Figure) -> dict[str, float]:
    return {key: value for key, value in figure.measured._asdict().items() if key != "out"}


def _filesystem(folder: Path) -> str:
    program = shutil.which("stat")
    if program is None:
        return "filesystem unknown"
    done = subprocess.run([program, "-f", "-c", "%T", str(folder)], capture_output=True, text=True, check=False)
    return {"ext2/ext3": "ext4"}.get(done.stdout.strip(), done.stdout.strip())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--files", type=int, default=100_000, help="how many small files (default: %(default)s)")
    parser.add_argument("--directories", type=int, default=None, help="in how many directories (default: files / 100)")
    parser.add_argument("--file-bytes", type=int, default=4096, help="how big each is (default: %(default)s)")
    parser.add_argument("--big-mib", type=int, default=2048, help="how big the one big file is (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="how often everything is done (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="once only, and a big file of 128 MiB")
    parser.add_argument("--only", type=_words, default=["small", "many", "big"], help="workloads: small,many,big")
    parser.add_argument("--tools", type=_words, default=["track", "dvc", "git"], help="tools: track,dvc,git")
    parser.add_argument("--million", type=int, nargs="?", const=1_000_000, default=0, help="also so many tiny files")
    parser.add_argument("--track", type=Path, help="track's program (default: the one beside this Python)")
    parser.add_argument("--dvc", type=Path, help="DVC's program (default: the one on the path)")
    parser.add_argument("--install-dvc", action="store_true", help="install DVC into an environment of its own")
    parser.add_argument("--folder", type=Path, help="where to work (default: the system's temporary folder)")
    parser.add_argument("--keep", action="store_true", help="leave the folder (on a filesystem that is thrown away)")
    parser.add_argument("--raw", type=Path, help="write every figure to this file, one JSON object a line")
    parser.add_argument("--write-page", action="store_true", help=f"put the table into docs: {PAGE.name}")
    options = parser.parse_args()
    if options.quick:
        options.repeats, options.big_mib = 1, min(options.big_mib, 128)
    options.directories = options.directories or max(options.files // 100, 1)
    return options


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


if __name__ == "__main__":
    sys.exit(main())
