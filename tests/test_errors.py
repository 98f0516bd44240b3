"""Errors in Python: a traceback says what to do next, and what another process raised arrives as it was."""

import copy
import multiprocessing
import pickle
import subprocess
import sys
import traceback
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import dask
import pytest

from support.raising import HINT, an_error, below, fail
from support.repositories import new_repository
from track.errors import TrackError, UnknownFile
from track.verbs.init import init

KINDS = sorted(set(below(TrackError)), key=lambda kind: kind.__name__)


def everything(error: BaseException) -> tuple[object, ...]:
    facts = [getattr(error, fact) for fact in ("message", "hint", "details", "exit_code")]
    return type(error), str(error), error.args, *facts, error.__notes__


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_traceback_shows_details_and_hint(kind: type[TrackError]) -> None:
    said = "".join(traceback.format_exception_only(an_error(kind)))
    assert said == (
        f"track.errors.{kind.__name__}: nothing is called trian.csv\n"
        "  it was there\n  yesterday\nhint: did you mean data/train.csv ?\nhint: track ls\n"
    )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_comes_out_of_another_process_as_it_was(
    kind: type[TrackError], elsewhere: ProcessPoolExecutor
) -> None:
    error = an_error(kind)
    for same in (copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert everything(same) == everything(error)
    came = elsewhere.submit(fail, kind.__name__).exception()
    assert came is not None
    assert everything(came) == everything(error)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_is_said_later_of_an_error_goes_with_it(kind: type[TrackError]) -> None:
    error = an_error(kind)
    error.hint, error.details = "track ls", ()
    error.add_note("in the third file")
    arrived = pickle.loads(pickle.dumps(error))
    assert "".join(traceback.format_exception_only(arrived)).splitlines()[1:] == ["hint: track ls", "in the third file"]
    with pytest.raises(TypeError):
        error.add_note(5)  # type: ignore[arg-type]  # that it is no text is what is tried


def test_dask_raises_what_its_process_raised() -> None:
    task = dask.delayed(fail)("UnknownFile")
    with pytest.raises(UnknownFile) as caught:
        task.compute(scheduler="processes", num_workers=1)
    assert (caught.value.message, caught.value.hint) == ("nothing is called trian.csv", HINT)
    assert "hint: did you mean data/train.csv ?" in "".join(traceback.format_exception(caught.value))


def test_a_program_that_ends_by_an_error_is_told_the_nearest_name(tmp_path: Path) -> None:
    top = new_repository(tmp_path / "project")
    init(top, look=False)
    (top / "train.csv").write_text("name,age\n")
    program = "import track; repo = track.Repo(); repo.add('train.csv'); repo.get('trian.csv')"
    done = subprocess.run([sys.executable, "-c", program], cwd=top, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("hint: did you mean train.csv")
