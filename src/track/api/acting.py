"""Acting: as whom a program says that it works."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from track.model.names import check_user

_acting: ContextVar[str | None] = ContextVar("acting", default=None)


@contextmanager
def as_user(username: str) -> Iterator[None]:
    """Within the block, what a `Handler` uploads and each `Run` that begins is recorded as this user's; Git's own
    identity stays as it is. Outside of any, the setting `user` says who that is, or `TRACK_USER`.

    It holds for this thread, and for what this block calls.

    >>> with track.as_user("ada"):
    ...     handler.upload(["data/train.csv"]).metadata.username
    'ada'

    Raises:
        UsageError: it is no name: empty, or with characters that cannot be seen, or with `<` or `>`.
    """
    check_user(username)
    token = _acting.set(username)
    try:
        yield
    finally:
        _acting.reset(token)


def acting() -> str | None:
    """The user of the block that this happens in; None outside of any."""
    return _acting.get()
