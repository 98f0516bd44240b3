"""Repositories with a long history of pointers and runs, made by `git fast-import` in seconds."""

import random
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from track.model.digest import Digest, digest_of
from track.model.pointer import Pointer, dump_pointer
from track.model.record import Record, Revision, Summary, Used, record_path, run_id
from track.model.record_file import dump_record

START = datetime(2025, 1, 1, tzinfo=UTC)
USERS = ("andy", "brenda", "charlie", "dora")
STAGES = ("raw", "clean", "train", "test", "eval")


class Shape(NamedTuple):
    """How much there is: each commit changes `changed` of the `artifacts` pointers and adds `runs` records."""

    commits: int = 10_000
    artifacts: int = 2_000
    changed: int = 10
    runs: int = 2

    @property
    def step(self) -> timedelta:
        """The time between two commits; all lie within some 500 days."""
        return timedelta(days=500) / self.commits


def _git(*args: str, cwd: Path) -> None:
    subprocess.run(["git", *args], cwd=cwd, check=True, capture_output=True)


def long_history(folder: Path, shape: Shape) -> Path:
    """A repository of this shape in `folder`, with the last commit checked out, all without data."""
    folder.mkdir(parents=True)
    _git("init", "--quiet", "--initial-branch=main", cwd=folder)
    _git("config", "user.name", "andy", cwd=folder)
    _git("config", "user.email", "andy@example.org", cwd=folder)
    importer = subprocess.Popen(["git", "fast-import", "--quiet"], cwd=folder, stdin=subprocess.PIPE)
    assert importer.stdin is not None
    for piece in _stream(shape):
        importer.stdin.write(piece)
    importer.stdin.close()
    assert importer.wait() == 0
    _git("checkout", "--quiet", "main", cwd=folder)
    return folder


def _stream(shape: Shape) -> Iterator[bytes]:
    noise = random.Random(7)
    contents: list[Digest] = [digest_of(b"%d" % number) for number in range(shape.artifacts)]
    turn = 0
    for number in range(shape.commits):
        at = START + number * shape.step
        who = USERS[noise.randrange(len(USERS))]
        stamp = f"{who} <{who}@example.org> {int(at.timestamp())} +0000"
        message = b"commit %d" % number
        yield f"commit refs/heads/main\ncommitter {stamp}\ndata {len(message)}\n".encode() + message + b"\n"
        if number == 0:
            yield _file(b".track/config.toml", b"format = 1\n")
            yield _file(b".gitignore", b"/.store\n/data/**/*.csv\n")
        changed = [(turn + each) % shape.artifacts for each in range(shape.changed)]
        turn += shape.changed
        yield from _commit(number, at, who, changed, contents, noise, shape)


def _commit(
    number: int, at: datetime, who: str, changed: list[int], contents: list[Digest], noise: random.Random, shape: Shape
) -> Iterator[bytes]:
    made: dict[int, str] = {}
    for nth in range(shape.runs):
        outputs = changed[nth :: shape.runs][:2]
        inputs = [noise.randrange(shape.artifacts) for _ in range(2)]
        used = [Used("input", contents[each], 1000 + each, path=_data(each)) for each in inputs]
        id = run_id(int(at.timestamp() * 1000), (number * 16 + nth).to_bytes(10, "big"))
        for each in outputs:
            contents[each] = digest_of(b"%d %d" % (number, each))
            used.append(Used("output", contents[each], 1000 + each, path=_data(each)))
            made[each] = id
        used.append(Used("output", digest_of(b"model %d %d" % (number, nth)), 5_000, name="model.pt"))
        started = at - shape.step * (1 - nth / shape.runs) / 2
        yield _file(*_record(id, f"run-{number}-{nth}", started, shape.step / 4, who, used, noise))
    for each in changed:
        if each not in made:
            contents[each] = digest_of(b"%d %d" % (number, each))
        facts = Pointer(
            kind="file", digest=contents[each], size=1000 + each, rows=100 + each, type="text/csv", run=made.get(each),
            labels={"stage": STAGES[each % len(STAGES)], "ticket": f"AB-{each % 97}", "infos": {"part": each % 10}},
            schema={"id": "int64", "value": "double"},
            based_on={_data((each + 1) % shape.artifacts): contents[(each + 1) % shape.artifacts]},
        )  # fmt: skip
        yield _file(_data(each) + b".track", dump_pointer(facts))


def _record(
    id: str, name: str, started: datetime, took: timedelta, who: str, used: list[Used], noise: random.Random
) -> tuple[bytes, bytes]:
    loss, score = noise.random(), noise.random()
    record = Record(
        id=id, name=name, status="completed" if loss < 0.9 else "failed", started=started, ended=started + took,
        seconds=took.total_seconds(), by=f"{who} <{who}@example.org>", command=("python", "train.py", "--fast"),
        folder="/experiments", exit=0, tags=("gold",) if score > 0.95 else (),
        params={"lr": round(loss / 10, 4), "depth": noise.randrange(9), "model": "resnet"},
        metrics={"loss": Summary(loss, loss, 1.0, 0.5, 100), "auc": Summary(score, 0.0, score, 0.5, 100)},
        revision=Revision(digest_of(name.encode()).hex()[:40], digest_of(who.encode()).hex()[:40], False),
        environment={"python": "3.12.1", "platform": "Linux", "packages": str(digest_of(b"packages"))},
        artifacts=tuple(used),
    )  # fmt: skip
    return record_path(id, started), dump_record(record)


def _data(number: int) -> bytes:
    return b"data/%02d/part-%04d.csv" % (number % 40, number)


def _file(path: bytes, content: bytes) -> bytes:
    return b"M 100644 inline %b\ndata %d\n%b\n" % (path, len(content), content)
