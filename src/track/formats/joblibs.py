"""Objects as joblib writes them: pickle with large arrays beside it. Loaded only for who allows that."""

import io
from pathlib import Path

import joblib

from track.formats.format import Format, bytes_of


def _write(obj: object) -> bytes:
    stream = io.BytesIO()
    joblib.dump(obj, stream)
    return stream.getvalue()


def _read(content: bytes | Path) -> object:
    return joblib.load(io.BytesIO(bytes_of(content)))


FORMATS = (Format("application/x-joblib", ".joblib", lambda obj: True, _write, _read, runs=True),)
