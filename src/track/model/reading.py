"""Reading: what reads and writes pointers and records, loaded when the first is read or written.

Most questions to the catalog need none, and to load these takes a twelfth of the time of such a question.
"""

from importlib import import_module
from typing import Any

TYPE_CHECKING = False
if TYPE_CHECKING:  # what a checker of types sees
    from track.model.documenting import record_document as record_document
    from track.model.pointer import Pointer as Pointer
    from track.model.pointer import parse_pointer as parse_pointer
    from track.model.record import Used as Used
    from track.model.record_file import dump_record as dump_record
    from track.model.record_file import parse_record as parse_record
    from track.model.shared_runs import parse_runs as parse_runs

_PLACES = {
    "Pointer": "pointer",
    "Used": "record",
    "dump_record": "record_file",
    "parse_pointer": "pointer",
    "parse_record": "record_file",
    "parse_runs": "shared_runs",
    "record_document": "documenting",
}


def __getattr__(name: str) -> Any:
    """The class or function of that name, from where it is."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"track.model.{_PLACES[name]}"), name)
    globals()[name] = found  # it is asked for once: thousands of pointers may be read in a loop
    return found
