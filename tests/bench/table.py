"""The figures as a table: medians, and how many times as long as `track` each other tool takes."""

import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.bench.steps import Figure

BEGIN = "<!-- measured: begin -->"
END = "<!-- measured: end -->"

_TITLES = {
    "many": "{files:,} files of {file_bytes} bytes in {directories:,} directories",
    "big": "One file of {big_mib:,} MiB",
    "small": "Ten small files",
    "million": "{million:,} files of 64 bytes",
}


def table(figures: Sequence[Figure], about: Mapping[str, int]) -> str:
    """Markdown: one table a workload; a cell is seconds, times as long as `track`, and peak memory."""
    parts = []
    for workload, title in _TITLES.items():
        mine = [figure for figure in figures if figure.workload == workload]
        if mine:
            parts.append(f"### {title.format(**about)}\n\n" + _one(mine))
    return "\n".join(parts)


def _one(figures: Sequence[Figure]) -> str:
    steps = list(dict.fromkeys(figure.step for figure in figures))
    tools = list(dict.fromkeys(figure.tool for figure in figures))
    tools.sort(key=lambda tool: (tool != "track", tool not in ("DVC", "Git")))
    lines = ["| step | " + " | ".join(tools) + " |", "| --- |" + " --- |" * len(tools)]
    for step in steps:
        cells = [_cell(_of(figures, step, tool), _of(figures, step, "track")) for tool in tools]
        lines.append(f"| {step} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _of(figures: Iterable[Figure], step: str, tool: str) -> list[Figure]:
    return [figure for figure in figures if figure.step == step and figure.tool == tool]


def _cell(found: Sequence[Figure], ours: Sequence[Figure]) -> str:
    if not found:
        return "–"
    wall_s = statistics.median(figure.measured.wall_s for figure in found)
    most = max((figure.measured for figure in found), key=lambda measured: measured.memory_bytes)
    less = "< " if most.memory_bytes <= most.floor_bytes else ""
    text = f"{_seconds(wall_s)}, {less}{most.memory_bytes / 2**20:.0f} MiB"
    if ours and found[0].tool != "track":
        ratio = wall_s / statistics.median(figure.measured.wall_s for figure in ours)
        return f"**{ratio:.2g}×** ({text})" if ratio < 100 else f"**{ratio:.0f}×** ({text})"
    return text


def _seconds(wall_s: float) -> str:
    return f"{wall_s * 1000:.0f} ms" if wall_s < 1 else f"{wall_s:.2f} s"


def machine(filesystem: str) -> str:
    """What the figures were measured on, in one line."""
    model = "processor unknown"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = f"{len(names)} × {names[0]}" if names else model
    return f"{model}, {platform.system()} {platform.release()}, {filesystem}, Python {platform.python_version()}"


def write_page(page: Path, body: str) -> None:
    """Put `body` between the marks of a page of the documentation, or make the page."""
    if page.exists() and BEGIN in (text := page.read_text(encoding="utf-8")):
        before, rest = text.split(BEGIN, 1)
        after = rest.split(END, 1)[1]
    else:
        before, after = _PAGE.split("@@")
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(f"{before}{BEGIN}\n{body}\n{END}{after}", encoding="utf-8")


_PAGE = """# How fast it is, and how that was measured

Every figure comes from one run of `python -m tests.bench`, with nothing else running unless it is said below.
The tools take turns: each repeats the whole workload from an empty folder, and the table gives the median.
Every step is checked: what was checked out is compared byte for byte, what was compared must name every changed file.
A run that fails a check gives no figure at all.

Times are for whole processes with a warm page cache.
`track` does more than some of its neighbours in the same step: when `add` ends, its objects and pointers are synced.
DVC and Git leave that to the operating system, so their `add` is not yet safe from a power cut.
A bold figure says how many times as long as `track` the other takes; below 1 the other is faster.
Memory is the most that the processes of the step held at one time, shared pages counted once.

The bare loops show what the machine can do: `hashing alone` reads and hashes every file.
`hash and keep` appends what it read to one file and indexes it in SQLite, and syncs both.

@@

## Repeat it

```console
$ python -m tests.bench --install-dvc --write-page
$ python -m tests.bench --files 10000 --quick        # a look in a minute
$ python -m tests.bench --only many --tools track,git
```
"""
