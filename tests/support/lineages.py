"""Histories of runs, written as records."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from support.repositories import commit_all
from support.trees import write_tree
from track.model.digest import digest_of
from track.model.record import Record, Used, record_path, run_id
from track.model.record_file import dump_record


def many_runs(repo: Path, runs: range, outputs: int, code: bytes = b"code", *, name: str = "result") -> None:
    """Records of runs of one code, each with many outputs, as a commit."""
    began = datetime(2026, 11, 1, tzinfo=UTC)
    for number in runs:
        made = tuple(
            Used("output", digest_of(b"%d %d" % (number, each)), 9, name=f"{name} {number} {each}")
            for each in range(outputs)
        )
        started = began + timedelta(minutes=number)
        record = Record(
            id=run_id(number, number.to_bytes(10, "big")), name=f"run {number}", status="completed", started=started,
            ended=started + timedelta(seconds=1), artifacts=(Used("code", digest_of(code), 5, name="sim.py"), *made),
        )  # fmt: skip
        write_tree(repo, {record_path(record.id, record.started).decode(): dump_record(record)})
    commit_all(repo, "runs")
