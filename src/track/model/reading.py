"""Reading: what reads and writes pointers and records, loaded when the first is read or written.

Most questions to the catalog need none, and to load these takes a twelfth of the time of such a question.
"""

from typing import Any

from track.model.loading import load

TYPE_CHECKING = False
if TYPE_CHECKING:  # what a checker of types sees
    from track.model.documenting import record_document as record_document
    from track.model.pointer import Pointer as Pointer
    from track.model.pointer import parse_pointer as parse_pointer
    from track.model.record import Record as Record
    from track.model.record import Used as Used
    from track.model.record_file import dump_record as dump_record
    from track.model.record_file import parse_record as parse_record
    from track.model.shared_runs import parse_runs as parse_runs

_PLACES = {
    "Pointer": "track.model.pointer",
    "Record": "track.model.record",
    "Used": "track.model.record",
    "dump_record": "track.model.record_file",
    "parse_pointer": "track.model.pointer",
    "parse_record": "track.model.record_file",
    "parse_runs": "track.model.shared_runs",
    "record_document": "track.model.documenting",
}

if not TYPE_CHECKING:  # so that a checker of types knows every name there is

    def __getattr__(name: str) -> Any:
        """The class or function of that name, from where it is."""
        return load(globals(), name, _PLACES.get(name))
