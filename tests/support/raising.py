"""Errors of every class, where other processes can raise them, too."""

from collections.abc import Iterator

from track import errors
from track.errors import TrackError

HINT, DETAILS = "did you mean data/train.csv ?\ntrack ls", ("it was there", "yesterday")


def below(kind: type[TrackError]) -> Iterator[type[TrackError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from below(each)


def an_error(kind: type[TrackError]) -> TrackError:
    return kind("nothing is called trian.csv", hint=HINT, details=DETAILS)


def fail(name: str) -> None:
    raise an_error(getattr(errors, name))
