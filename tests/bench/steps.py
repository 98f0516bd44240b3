"""The steps of each workload, and the proof after each of them that it did what it claims."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.bench import workloads
from tests.bench.measure import Broken, Command, Measured, measure
from tests.bench.tools import Tool

LIMITS = Path(__file__).with_name("limits.py")


class Figure(NamedTuple):
    """One measurement: `tool` doing `step` of `workload`."""

    workload: str
    step: str
    tool: str
    measured: Measured


class Sizes(NamedTuple):
    """How big the workloads are."""

    files: int
    directories: int
    file_bytes: int
    big_bytes: int
    repeats: int


Report = Callable[[Figure], None]


def many(tool: Tool, folder: Path, source: Path, sizes: Sizes, report: Report) -> None:
    """A directory of many small files: in, unchanged, changed, compared, switched, brought back."""
    _tree(tool, folder, "many", sizes, lambda data: workloads.copy_tree(source, data), report)


def million(tool: Tool, folder: Path, sizes: Sizes, report: Report) -> None:
    """As many files as one pointer ordinarily stands for: whether it goes, how long, and in how much memory."""

    def make(data: Path) -> None:
        workloads.make_many(data, files=sizes.files, directories=sizes.directories, size_bytes=sizes.file_bytes)

    _tree(tool, folder, "million", sizes, make, report)


def _tree(tool: Tool, folder: Path, workload: str, sizes: Sizes, make: Callable[[Path], None], report: Report) -> None:
    repo = folder / "repo"
    tool.start(repo)
    data = repo / "data"
    make(data)
    workloads.settle()
    first = workloads.fingerprint(data)

    def step(name: str, commands: list[Command], times: int = 1) -> None:
        for _ in range(times):
            report(Figure(workload, name, tool.name, measure(*commands, cwd=repo, env=tool.env)))

    step("add", tool.add("data"))
    tool.commit(repo, "v1")
    workloads.settle()
    step("status, nothing changed", tool.status(), times=3)
    change = workloads.change_of(files=sizes.files, directories=sizes.directories, size_bytes=sizes.file_bytes)
    change.apply(data)
    second = workloads.fingerprint(data)
    workloads.settle()
    step("add again after 30 changes", tool.add("data"))
    tool.commit(repo, "v2")
    step("diff of the two versions", tool.diff("v1", "v2"), times=3)
    _expect(tool.differences(repo, "v1", "v2") == change.count, f"{tool.name} diff shows {change.count} files")
    workloads.settle()
    step("switch to the other version", tool.switch("v1", "data"))
    _same(tool, "switch", data, first)
    step("switch to the other version", tool.switch("v2", "data"))
    _same(tool, "switch back", data, second)
    workloads.put_aside(data, folder)
    workloads.settle()
    step("check out into an empty tree", tool.restore("data"))
    _same(tool, "check out", data, second)


def big(tool: Tool, folder: Path, source: Path, sizes: Sizes, report: Report) -> None:
    """One big file: in, touched, brought back."""
    del sizes
    repo = folder / "repo"
    tool.start(repo)
    data = repo / "big.bin"
    workloads.copy_tree(source, data)
    workloads.settle()
    content = workloads.fingerprint(data)

    def step(name: str, commands: list[Command]) -> None:
        report(Figure("big", name, tool.name, measure(*commands, cwd=repo, env=tool.env)))

    step("add", tool.add("big.bin"))
    tool.commit(repo, "v1")
    workloads.settle()
    os.utime(data)
    step("status after touch", tool.status())
    workloads.put_aside(data, folder)
    workloads.settle()
    step("check out again", tool.restore("big.bin"))
    _same(tool, "check out", data, content)


def small(tool: Tool, folder: Path, sizes: Sizes, report: Report) -> None:
    """Ten small artifacts: what start-up costs."""
    del sizes
    repo = folder / "repo"
    tool.start(repo)
    names = [f"f{number}.bin" for number in range(10)]
    for number, name in enumerate(names):
        (repo / name).write_bytes(bytes([number]) * 5000)
    measure(*tool.add(*names), cwd=repo, env=tool.env)
    tool.commit(repo, "v1")
    for name, commands in (("--version", tool.hello()), ("status with 10 pointers", tool.status())):
        for _ in range(7):
            report(Figure("small", name, tool.name, measure(*commands, cwd=repo, env=tool.env)))


def limits_many(folder: Path, source: Path, report: Report) -> None:
    """The machine's own limits for many files."""
    workloads.settle()
    _limit("many", "add", "cp -r and sync", [_shell(source, folder / "copy")], folder, report)
    _limit("many", "add", "hashing alone", [[sys.executable, LIMITS, "hash", source]], folder, report)
    keep = folder / "keep"
    keep.mkdir()
    workloads.settle()
    _limit("many", "add", "hash and keep", [[sys.executable, LIMITS, "keep", source, keep]], folder, report)
    workloads.put_aside(folder / "copy", folder)
    workloads.settle()
    _limit("many", "check out into an empty tree", "cp -r", [["cp", "-r", source, folder / "copy"]], folder, report)


def limits_big(folder: Path, source: Path, report: Report) -> None:
    """The machine's own limits for one big file."""
    workloads.settle()
    _limit("big", "add", "cp and sync", [_shell(source, folder / "copy")], folder, report)
    workloads.put_aside(folder / "copy", folder)
    workloads.settle()
    _limit("big", "check out again", "cp", [["cp", source, folder / "copy"]], folder, report)
    _limit("big", "status after touch", "hashing alone", [[sys.executable, LIMITS, "hash", source]], folder, report)


def _limit(workload: str, step: str, name: str, commands: Sequence[Command], folder: Path, report: Report) -> None:
    inside = folder / "inside"
    inside.mkdir(exist_ok=True)
    report(Figure(workload, step, name, measure(*commands, cwd=inside)))


def _shell(source: Path, target: Path) -> Command:
    return ["sh", "-c", 'cp -r "$1" "$2" && sync -f "$2"', "sh", source, target]


def _same(tool: Tool, what: str, data: Path, expected: str) -> None:
    _expect(workloads.fingerprint(data) == expected, f"{tool.name} {what} gives back every byte")


def _expect(truth: bool, what: str) -> None:
    if not truth:
        raise Broken(f"not so: {what}")
