"""DVC's YAML, read by the rules of YAML 1.2 as DVC reads it: `yes` is text, and so is `2024-01-31`."""

import re
from typing import Any

from track.errors import MalformedContent, NoFormat
from track.model.names import display

try:
    import yaml
except ImportError:  # the extra `dvc` brings it
    yaml = None

LIMIT = 64 << 20
"""A longer file is not read; a lock file of 100,000 outputs has about 10 MiB."""

_RULES = (
    ("tag:yaml.org,2002:null", r"(?:~|null|Null|NULL|)", "~nN\0"),
    ("tag:yaml.org,2002:bool", r"(?:true|True|TRUE|false|False|FALSE)", "tTfF"),
    ("tag:yaml.org,2002:int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    ("tag:yaml.org,2002:float", r"[-+]?(?:0|[1-9][0-9]*)?(?:\.[0-9]+)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
)


def load(data: bytes, name: str) -> Any:
    """What a file of DVC's says; `name` is for messages.

    Raises:
        NoFormat: the library for YAML is not installed.
        MalformedContent: it is not YAML, or too long, or names a part of itself (no file of DVC's does).
    """
    if yaml is None:
        raise NoFormat(
            "what reads DVC's files is not installed",
            hint="pip install 'track-data[dvc]'      (it is PyYAML: DVC itself is not needed)",
        )
    if len(data) > LIMIT:
        raise MalformedContent(f"{name} is longer than {LIMIT >> 20} MiB", hint="look at it: it is no file of DVC's")
    try:
        text = data.decode("utf-8")
        return yaml.load(text, Loader=_loader())  # it makes nothing but plain values
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        why = display(" ".join(str(error).split()))
        raise MalformedContent(
            f"{name} cannot be read as YAML: {why}", hint="if a merge left its marks, settle it first, with DVC"
        ) from None


def _loader() -> Any:
    """A loader of plain values alone, in which words mean what they do in YAML 1.2."""
    made: Any = type("Loader", (yaml.SafeLoader,), {"yaml_implicit_resolvers": {}, "compose_node": _compose})
    for tag, pattern, first in _RULES:
        made.add_implicit_resolver(tag, re.compile(f"^{pattern}$"), [c.replace("\0", "") for c in first])
    return made


def _compose(self: Any, parent: Any, index: Any) -> Any:
    """One node, as ever, but none that was named before (a few dozen times that fills any memory), and none that is no
    text.
    """
    if self.check_event(yaml.events.AliasEvent):
        event = self.peek_event()
        raise yaml.composer.ComposerError(None, None, "a name for another part", event.start_mark)
    node = yaml.composer.Composer.compose_node(self, parent, index)
    if isinstance(node, yaml.ScalarNode):
        node.value.encode("utf-8", "surrogateescape")  # refuses half a character, of which no name can be
    return node
