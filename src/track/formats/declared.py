"""Media types that a person may declare for what they save."""

import mimetypes

from track.formats.media import BY_SUFFIX
from track.model.expressions import expression

_OPEN = expression(r"(?:application|audio|font|image|model|text|video)/(?:vnd\.|prs\.|x-)[a-zA-Z0-9.+_-]{1,100}")

_WRITTEN = expression(r"[a-zA-Z0-9][a-zA-Z0-9!#$&^_.+-]{0,126}/[a-zA-Z0-9][a-zA-Z0-9!#$&^_.+-]{0,126}")
"""RFC 6838, section 4.2."""


def is_written_as_one(text: str) -> bool:
    """Whether `text` is written as media types are, whether anybody knows it or not."""
    return _WRITTEN.fullmatch(text) is not None


def is_media_type(text: str) -> bool:
    """Whether `text` is a type that somebody knows: of the table of suffixes, one that Python has whatever the system
    says, or in a part that is open to everybody, after `vnd.`, `prs.` or `x-`.
    """
    if _OPEN.fullmatch(text) or text in BY_SUFFIX.values():
        return True
    return any(text in table.values() for table in mimetypes.MimeTypes().types_map)
