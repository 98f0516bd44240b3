"""Pickle and joblib: any object, and any code that the bytes name. Loaded only for who allows that."""

import io
import pickle
from pathlib import Path

from track.formats.format import Format, bytes_of


def _write(obj: object) -> bytes:
    try:
        return pickle.dumps(obj, protocol=5)
    except (pickle.PicklingError, AttributeError, RecursionError) as error:
        raise TypeError(str(error)) from error


def _read(content: bytes | Path) -> object:
    return pickle.load(io.BytesIO(bytes_of(content)))


FORMATS = (Format("application/x-pickle", ".pkl", lambda obj: True, _write, _read, runs=True),)
