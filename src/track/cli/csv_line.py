"""A line of a CSV (RFC 4180), as every program reads it back."""

import csv
from collections.abc import Iterable


class _Cut:
    """A file that gives back each line that is written to it, without its end."""

    @staticmethod
    def write(line: str) -> str:
        return line[:-2]


_WRITER = csv.writer(_Cut(), lineterminator="\r\n")  # Python quotes a cell for the ends of lines that it is told


def csv_line(cells: Iterable[object]) -> str:
    """These cells as a line without its end; what has a comma, a quote or any end of a line in it stands in quotes."""
    line: str = _WRITER.writerow(cells)
    return line
