"""Cutting large objects into chunks where their content says so; only where the chunker is installed.

The algorithm is FastCDC of 2020 (Xia et al., "The Design of Fast Content-Defined Chunking for Data Deduplication
Based Storage Systems"). A cut depends on the bytes since the last one alone, so an insertion moves the cuts beside
it and no others. `docs/reference/formats.md` defines it; a slow reference in the tests pins every cut.
"""

from typing import Any

from track.store import fastcdc
from track.store.description import CHUNK_LIMIT, Chunking

ALGORITHM = "fastcdc-2020"

_LEAST = 256


class Chunker:
    """Cuts data as one store does it; made by `chunker_of`. Used in one thread."""

    def __init__(self, chunking: Chunking) -> None:
        """Raises ValueError for sizes that the algorithm does not have."""
        sizes = chunking.minimum_bytes, chunking.average_bytes, chunking.maximum_bytes
        if not _LEAST <= sizes[0] <= sizes[1] <= sizes[2] <= CHUNK_LIMIT or sizes[1] & (sizes[1] - 1):
            raise ValueError(f"{sizes} are no sizes of chunks")
        self.chunking = chunking
        self._cutter: Any = fastcdc.cutter()(
            chunking.average_bytes,
            min_size=chunking.minimum_bytes,
            max_size=chunking.maximum_bytes,
            normalized_chunking=chunking.normalisation,
            seed=chunking.seed,
        )

    def lengths(self, data: memoryview | bytes, *, is_end: bool) -> list[int]:
        """The lengths of the chunks at the beginning of `data`, which begins at a cut.

        Unless it `is_end`, what follows decides where the last chunk ends: it is left out, to be asked for again with
        more data. So nothing may be left of fewer than two of the largest chunks.
        """
        lengths = [chunk.length for chunk in self._cutter.cut_buf(data)]
        return lengths if is_end else lengths[:-1]


def chunker_of(chunking: Chunking) -> Chunker | None:
    """What cuts as a store says; None when it is not installed, or the store says what this version does not know."""
    if chunking.algorithm != ALGORITHM or not chunking.normalisation or fastcdc.cutter() is None:
        return None
    try:
        return Chunker(chunking)
    except (ValueError, OverflowError, IndexError):
        return None
