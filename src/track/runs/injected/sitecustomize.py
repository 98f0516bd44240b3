"""Found by Python itself at its start: has the files noted that its program opens.

It may be any Python that the person's command starts, so this is written as one of 2.7 reads it too, says nothing, and
never fails: a program is not to notice it. What does the work lies beside it, and is for those of today.
"""

import os
import sys

_own = os.path.realpath(os.path.dirname(__file__))
_place, _top = os.environ.get("TRACK_OBSERVED"), os.environ.get("TRACK_OBSERVED_TOP")
_watched = os.environ.get("TRACK_OBSERVED_WATCHED") or ""
if _watched:
    try:
        from kernel_opens import KernelOpens  # type: ignore[import-not-found]  # it lies beside this file
    except Exception:  # an old Python, or one without ctypes: that it is not asked is noted
        KernelOpens = None
    sys.modules.pop("kernel_opens", None)
else:
    KernelOpens = None
if _place and _top:
    try:
        from python_opens import observe  # type: ignore[import-not-found]  # so does this

        observe(_place, _top, _watched, KernelOpens)
    except Exception:  # what cannot be observed runs all the same
        try:
            _notes = os.open(_place, os.O_WRONLY | os.O_APPEND)
            os.write(_notes, b"N1\0")
            os.close(_notes)
        except Exception:  # nor noted: the notes are gone, or the disk is full
            _place = None
    sys.modules.pop("python_opens", None)

# The person may have a `sitecustomize` too: ours steps aside for it.
_mine = sys.modules.get(__name__)
if __name__ == "sitecustomize":
    sys.path[:] = [folder for folder in sys.path if os.path.realpath(folder or ".") != _own]
    sys.modules.pop(__name__, None)
    try:
        import sitecustomize  # type: ignore[import-not-found]  # noqa: F401  # theirs, if there is one
    except ImportError as _error:
        if getattr(_error, "name", __name__) != __name__:  # theirs lacks something, and Python tells of that
            raise
    if _mine is not None:
        sys.modules.setdefault(__name__, _mine)
