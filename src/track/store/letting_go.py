"""Letting go: what nobody needs any more is deleted where that is allowed, and stays where it is not.

Whoever may write and not delete can push all the same: a claim, an entry or a segment that stays costs a little space.
"""

from collections.abc import Iterable

from track.errors import RemoteError
from track.store.place import Place


def let_go(place: Place, keys: Iterable[str]) -> RemoteError | None:
    """Delete these keys; what the place said, where it refuses that to us. Raises RemoteError for anything else."""
    for key in keys:
        try:
            place.delete(key)
        except RemoteError as error:
            if type(error) is not RemoteError:  # it does not answer, or does not know us
                raise
            return error
    return None
