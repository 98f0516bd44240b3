"""Wishes: what a repository asks for and only the person at the keyboard may allow, as exact lines."""

import json
from typing import NamedTuple

from track.model.digest import Digest, digest_of
from track.model.names import display


class Wish(NamedTuple):
    """Something that waits for a yes. `lines` are exactly what is consented to, as they are shown.

    `kind` says what sort of thing it is ("remote", "setting"; whatever else runs or reaches out), `name` which one.
    Two wishes of one kind and name with other lines are two wishes: a yes to one says nothing about the other.
    """

    kind: str
    name: str
    lines: tuple[str, ...]

    @property
    def digest(self) -> Digest:
        """What a yes is remembered by: over kind, name and every line."""
        return digest_of(json.dumps([self.kind, self.name, *self.lines]).encode("ascii"))

    @property
    def label(self) -> str:
        """How it is called in messages: `remote origin`."""
        return f"{self.kind} {display(self.name)}"


def line(key: str, value: object) -> str:
    """A fact as one line that hides nothing: `remote.origin.url = "s3://bucket"`."""
    return f'{display(key)} = "{display(str(value))}"'
