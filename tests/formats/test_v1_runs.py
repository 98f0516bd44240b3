"""Frozen files of shared runs of format 1: every later version reads them.

Not written to the byte: other builds of zlib find other spellings.
"""

from pathlib import Path

import pytest

from track.errors import DamagedObject, NewerFormat
from track.model.digest import digest_of
from track.model.shared_runs import WITHDRAWN, SharedRun, dump_runs, parse_runs, seal, unseal
from track.store.layout import RUNS as RUNS_FOLDER
from track.store.layout import runs_name, withdrawn_key, withdrawn_run

V1 = Path(__file__).parent / "v1" / "runs"
SEALED = "blake3:9061b01c97ccefdf69119010363811b42594db0cdc700aa81bb406729a16a0bc"
RUNS = (
    SharedRun("0198c1f2-7a10-7c3e-9f51-0d2f6a4c9b7e", 1_783_000_000_000_001, b"a record\nwith lines\n"),
    SharedRun("0198c1f2-7a10-7c3e-9f51-0d2f6a4c9b7f", 1, b"run 0198c1f2-7a10-7c3e-9f51-0d2f6a4c9b7e 1 5\n"),
)


def test_the_frozen_file_is_what_it_was_and_is_read_as_it_was() -> None:
    data = (V1 / "two").read_bytes()
    assert str(digest_of(data)) == SEALED
    assert parse_runs(unseal(data, "two"), "two") == RUNS
    assert (V1 / "two.text").read_bytes() == unseal(data, "two") == dump_runs(RUNS)
    assert parse_runs(unseal(seal(dump_runs(RUNS)), "now"), "now") == RUNS
    assert parse_runs(unseal(seal(b""), "now"), "now") == ()


def test_a_later_file_is_refused_as_that() -> None:
    with pytest.raises(NewerFormat):
        unseal((V1 / "later").read_bytes(), "later")


def test_the_frozen_mark_of_a_run_that_was_taken_back_is_what_it_was_and_is_found_as_one() -> None:
    (mark,) = (V1 / "taken-back").rglob("withdrawn-*")
    key = mark.relative_to(V1 / "taken-back").as_posix()
    writer, run = "5a" * 16, RUNS[0].id
    assert key == f"{RUNS_FOLDER}{writer}/withdrawn-{run}" == withdrawn_key(writer, run)
    assert mark.read_bytes() == WITHDRAWN == b"track-runs-withdrawn 1\n"
    assert withdrawn_run(key) == run and runs_name(key) is None


@pytest.mark.parametrize("cut", [0, 5, 12, 60, 84, -1])
def test_what_is_cut_or_altered_is_refused(cut: int) -> None:
    data = (V1 / "two").read_bytes()
    for bad in (data[:cut], data[:cut] + b"\1" + data[cut:][1:], data + b"x"):
        with pytest.raises(DamagedObject, match="two"):
            unseal(bad, "two")


def test_a_file_that_expands_beyond_all_bounds_costs_no_memory() -> None:
    with pytest.raises(DamagedObject):
        unseal(seal(bytes(65 << 20)), "bomb")


@pytest.mark.parametrize(
    "text",
    [
        b"run 0198c1f2-7a10-7c3e-9f51-0d2f6a4c9b7e 1 50\nshort",
        b"run 0198c1f2-7a10-7c3e-9f51-0d2f6a4c9b7e 0 1\nx",
        b"run ../../../../../../../../../../etc/passwd 1 1\nx",
        b"run 0198c1f2-7a10-7c3e-9f51-0d2f6a4c9b7e 999999999999999999 1\nx",
        b"anything",
    ],
)
def test_a_text_that_holds_no_runs_is_refused(text: bytes) -> None:
    with pytest.raises(DamagedObject, match="does not hold runs"):
        parse_runs(text, "it")
