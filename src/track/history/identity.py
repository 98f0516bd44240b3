"""Git's own name for the content of a file, without asking Git."""

import hashlib


def blob_of(content: bytes, like: str) -> str:
    """The id that Git gives to `content`, in the object format of the id `like` (SHA-1 or SHA-256), in hex.

    Pointers are stored as they are (`.gitattributes` keeps line ends alone), so no filter changes what is hashed.
    """
    return _id(b"blob %d\0" % len(content) + content, like)


def empty_tree(like: str) -> str:
    """The id of a tree with nothing in it, which every repository knows, in the object format of the id `like`."""
    return _id(b"tree 0\0", like)


def _id(content: bytes, like: str) -> str:
    kind = hashlib.sha256 if len(like) == 64 else hashlib.sha1
    return kind(content, usedforsecurity=False).hexdigest()
