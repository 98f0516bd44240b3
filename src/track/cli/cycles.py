"""What Python's collector of cycles costs a short command: it looks seldom, and not at what ends with the process.

Both are a fifth of the processor time of `status`, `diff` and what Git calls. Nothing waits for the collector: files,
processes and databases are closed where they were opened.
"""

import gc

_OBJECTS = 60_000
"""So many new objects that may be in a cycle before it looks; Python's own 700 is met some fifty times by imports."""


def seldom() -> None:
    """Have the collector look seldom, in this process and those that it forks."""
    gc.set_threshold(_OBJECTS, *gc.get_threshold()[1:])


def no_more() -> None:
    """Leave what is here to the end of the process, which gives back all memory at once."""
    gc.freeze()
