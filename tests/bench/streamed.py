"""Reads every file of a folder once, shuffled, as one of several tools gives them: a program for `streaming.py`.

`python streamed.py plain|track|dvc FOLDER COUNT` prints what it read and how long it took as JSON. It is run by the
Python of the tool, so that only the standard library is imported at its head.
"""

import json
import os
import random
import resource
import sys
import time
import zlib
from collections.abc import Iterator
from importlib import import_module

SEED = 11


def plain(folder: str, count: int) -> Iterator[tuple[str, bytes]]:
    """The files as they lie there, opened one after the other."""
    paths = []
    for place, _, names in os.walk(os.path.join(folder, "images")):
        paths += [os.path.join(place, name) for name in names]
    paths.sort()
    random.Random(SEED).shuffle(paths)
    start = len(os.path.join(folder, "images")) + 1
    for path in paths[:count]:
        with open(path, "rb") as file:
            yield path[start:], file.read()


def track(folder: str, count: int) -> Iterator[tuple[str, bytes]]:
    """The files of the artifact `images`, as `Samples.stream` gives them."""
    samples = import_module("track").Repo(folder).get("images").samples()
    for number, sample in enumerate(samples.stream(seed=SEED)):
        if number == count:
            return
        yield sample


def dvc(folder: str, count: int) -> Iterator[tuple[str, bytes]]:
    """The files of the output `images`, as DVC's own filesystem gives them."""
    files = import_module("dvc.api").DVCFileSystem(folder)
    paths = sorted(files.find("images"))
    random.Random(SEED).shuffle(paths)
    for path in paths[:count]:
        with files.open(path, "rb") as file:
            yield path.removeprefix("images/"), file.read()


def main() -> None:
    """Read, and say what and how long; `sum` is the same whatever the order."""
    kind, folder, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    began, first_s, files, size, total = time.perf_counter(), 0.0, 0, 0, 0
    for path, content in {"plain": plain, "track": track, "dvc": dvc}[kind](folder, count):
        first_s = first_s or time.perf_counter() - began
        files, size = files + 1, size + len(content)
        total ^= zlib.crc32(content, zlib.crc32(path.encode()))
    seconds = time.perf_counter() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    found = {"first_s": first_s, "seconds": seconds, "files": files, "bytes": size, "sum": total, "memory": memory}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
