"""Acting: as whom a program says that it works."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from track.errors import UsageError
from track.model.names import display, told

_acting: ContextVar[str | None] = ContextVar("acting", default=None)


@contextmanager
def as_user(username: str) -> Iterator[None]:
    """Within the block, what a `Handler` does is recorded as this user's; Git's own identity stays as it is.

    It holds for this thread, and for what this block calls.

    Raises:
        UsageError: it is no name: empty, or with characters that cannot be seen, or with `<` or `>`.
    """
    if not isinstance(username, str) or not username.strip() or username != username.strip():
        raise UsageError(f"not a user: {told(username)}", hint="a name, such as andy")
    if not username.isprintable() or set(username) & set("<>"):
        raise UsageError(f"not a user: {display(username)}", hint="a name alone, without an address")
    token = _acting.set(username)
    try:
        yield
    finally:
        _acting.reset(token)


def acting() -> str | None:
    """The user of the block that this happens in; None outside of any."""
    return _acting.get()
