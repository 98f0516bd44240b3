"""Amounts as people say them: sizes and counts. The same on a terminal, in a pipe and on a page."""

NUMBER_LIMIT = 2**63 - 1
"""No size or count in a file is larger."""
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def size_text(size_bytes: int) -> str:
    """`432950113` as `412.9 MiB`: IEC units, one decimal, none for bytes."""
    if abs(size_bytes) < 1024:
        return f"{size_bytes} B"
    value = float(size_bytes)
    unit = ""
    for unit in _UNITS[1:]:  # noqa: B007  # the unit at which the loop stopped is what is shown
        value /= 1024
        if abs(value) < 1023.95:
            break
    return f"{value:.1f} {unit}"


def count_text(count: int, noun: str, plural: str | None = None) -> str:
    """`8201, "file"` as `8,201 files`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
