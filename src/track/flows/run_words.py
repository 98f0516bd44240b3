"""Run words: what runs of a repository are called, at once; see `words`."""

from contextlib import suppress

from track.errors import TrackError
from track.flows.words import Words
from track.history import catalog_words
from track.model.record import Record
from track.runs.journal import Journal

_NEWEST = 20
"""So many runs of the journal are looked at, and so many that live."""
_DIGITS = 4


def runs(words: Words, start: str) -> list[str]:
    """The names and ids of runs that begin so, the newest first."""
    journal = Journal(words.state)
    recent: list[Record] = []
    for living in reversed(journal.living()[-_NEWEST:]):
        with suppress(TrackError):  # it ended meanwhile, or cannot be read
            recent.append(living.record())
    for run in reversed(journal.ended_ids()[-_NEWEST:]):
        with suppress(TrackError):
            record = journal.find_ended(run)
            recent += [record] if record is not None else []
    called = [record.name for record in recent]
    if len(start) >= _DIGITS:
        called += [word for record in recent for word in (record.id, record.short)]
    here = [word for word in called if word.startswith(start)]
    return list(dict.fromkeys((*here, *catalog_words.runs(words.file, start))))
