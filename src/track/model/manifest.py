"""Manifest: the content of a directory artifact, a sorted list of entries split into nodes by key.

The one door to it: `node` has the values and their bytes, `growth` makes and updates a manifest, `traversal` reads it.
Counts, here and in the nodes, are of files and links; an empty directory has an entry and is not counted.
"""

from track.model.growth import Keep, build, levels_ended, update
from track.model.node import (
    MODES,
    NODE_LIMIT,
    Child,
    Entry,
    Inner,
    Leaf,
    Root,
    encode_inner,
    encode_leaf,
    parse_node,
)
from track.model.traversal import Read, compare, find, nodes, walk

__all__ = [
    "MODES",
    "NODE_LIMIT",
    "Child",
    "Entry",
    "Inner",
    "Keep",
    "Leaf",
    "Read",
    "Root",
    "build",
    "compare",
    "encode_inner",
    "encode_leaf",
    "find",
    "levels_ended",
    "nodes",
    "parse_node",
    "update",
    "walk",
]
