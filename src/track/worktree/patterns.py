"""What a `.trackignore` leaves out: the patterns of Git's ignore files, with their meaning, on raw paths.

The rules of a folder hold below it. The last rule that matches decides, those of deeper files after those of higher
ones; a folder that is left out is not looked into, so nothing in it can be taken in again.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from track.errors import Unreadable
from track.worktree.paths import Gate
from track.worktree.reading import read_whole

NAME = b".trackignore"

_ALL = bytes(range(256))
_CLASSES: dict[bytes, Callable[[bytes], bool]] = {
    b"alnum": bytes.isalnum,
    b"alpha": bytes.isalpha,
    b"blank": lambda char: char in b" \t",
    b"cntrl": lambda char: char < b" " or char == b"\x7f",
    b"digit": bytes.isdigit,
    b"graph": lambda char: b"!" <= char <= b"~",
    b"lower": bytes.islower,
    b"print": lambda char: b" " <= char <= b"~",
    b"punct": lambda char: b"!" <= char <= b"~" and not char.isalnum(),
    b"space": bytes.isspace,
    b"upper": bytes.isupper,
    b"xdigit": lambda char: char in b"0123456789abcdefABCDEF",
}


LIMIT = 1 << 20
"""Bytes; half of a longer file would leave out other things than were meant, so it is refused."""


_LONGEST = 8192  # bytes of a line: no path is so long, and a stranger's line may be


class Rule(NamedTuple):
    """One line: `pattern` matches a path below the file's folder, or a name if `by_name`; `keeps` takes in again."""

    pattern: re.Pattern[bytes]
    by_name: bool
    only_folders: bool
    keeps: bool


class Patterns:
    """The rules of one or more files, each with the folder in which it lies."""

    def __init__(self, files: tuple[tuple[bytes, tuple[Rule, ...]], ...] = ()) -> None:
        """Rules as (folder, rules); a folder is relative to the working tree, empty or with a slash at its end."""
        self._files = files

    @classmethod
    def above(cls, gate: Gate, path: bytes) -> "Patterns | None":
        """The rules of every folder above `path` in the working tree; None when there is no such file."""
        found: Patterns | None = None
        parts = path.split(b"/")
        for count in range(len(parts)):
            folder = b"/".join(parts[:count])
            with gate.directory(folder) as fd:
                content = read_patterns(fd)
            if content is not None:
                found = (found or cls()).extended(folder + b"/" if folder else b"", content)
        return found

    def extended(self, folder: bytes, content: bytes) -> "Patterns":
        """These rules and those of a file with this content in `folder`."""
        return Patterns((*self._files, (folder, parse(content))))

    def leaves_out(self, path: bytes, *, is_folder: bool) -> bool:
        """Whether the file or folder at `path` in the working tree is left out."""
        for folder, rules in reversed(self._files):
            inner = path[len(folder) :]
            name = inner.rpartition(b"/")[2]
            for rule in reversed(rules):
                if (is_folder or not rule.only_folders) and rule.pattern.fullmatch(name if rule.by_name else inner):
                    return not rule.keeps
        return False


def read_patterns(folder: int) -> bytes | None:
    """The content of the `.trackignore` in an open folder; None when there is none. Raises Unreadable."""
    content = read_whole(folder, NAME, limit=LIMIT + 1)
    if content is not None and len(content) > LIMIT:
        raise Unreadable(f"a {NAME.decode()} has more than {LIMIT:,} bytes", hint="fewer and shorter patterns")
    return content


def parse(content: bytes) -> tuple[Rule, ...]:
    """The rules of an ignore file, in their order; lines that can match nothing are dropped."""
    rules = (_rule(line) for line in content.removeprefix(b"\xef\xbb\xbf").split(b"\n"))
    return tuple(rule for rule in rules if rule is not None)


def _rule(line: bytes) -> Rule | None:
    line = _trimmed(line.removesuffix(b"\r"))
    if not line or line.startswith(b"#") or len(line) > _LONGEST:
        return None
    keeps = line.startswith(b"!")
    if keeps:
        line = line[1:]
    only_folders = line.endswith(b"/")
    if only_folders:
        line = line[:-1]
    by_name = b"/" not in line
    translated = _translated(line.removeprefix(b"/"))
    if not line or translated is None:
        return None
    return Rule(re.compile(translated, re.DOTALL), by_name, only_folders, keeps)


def _trimmed(line: bytes) -> bytes:
    """Without the spaces at its end that no backslash keeps."""
    kept = line.rstrip(b" ")
    backslashes = len(kept) - len(kept.rstrip(b"\\"))
    return kept + b" " if len(kept) < len(line) and backslashes % 2 else kept


def _translated(pattern: bytes) -> bytes | None:
    """A regular expression for a pattern; None for one that matches nothing.

    It is read as groups between `**/`, groups as names between slashes, names as texts between stars.
    """
    groups: list[list[list[bytes]]] = [[[b""]]]
    at, end = 0, b""
    while at < len(pattern):
        found = _token(pattern, at)
        if found is None:
            return None
        token, at = found
        if token == _FOLDERS:
            groups.append([[b""]])
        elif token == b"/":
            groups[-1].append([b""])
        elif token == _ANY:
            groups[-1][-1].append(b"")
        elif token == _ALL_BELOW:
            end = token
        else:
            groups[-1][-1][-1] += token
    first, *more = (b"/".join(map(_name, group)) for group in groups)
    middle = b"".join(b"(?>(?:[^/]*/)*?%b)" % each for each in more[:-1])
    return first + middle + (_FOLDERS + more[-1] if more else b"") + end


_ANY, _FOLDERS, _ALL_BELOW = b"[^/]*", b"(?:[^/]*/)*", b".*"


def _token(pattern: bytes, at: int) -> tuple[bytes, int] | None:
    """What the pattern says at a place, as a regular expression, and where that ends; None for what matches nothing."""
    char = pattern[at : at + 1]
    if char == b"*":
        end = at
        while pattern[end : end + 1] == b"*":
            end += 1
        starts, after = at == 0 or pattern[at - 1 : at] == b"/", pattern[end : end + 1]
        if end - at > 1 and starts and after == b"/":
            return _FOLDERS, end + 1
        return (_ALL_BELOW if end - at > 1 and starts and not after else _ANY), end
    if char == b"[":
        found = _bracket(pattern, at + 1)
        if found is None:
            return None
        allowed, end = found
        return (b"[" + b"".join(b"\\x%02x" % byte for byte in allowed) + b"]" if allowed else b"(?!)"), end
    if char == b"\\":
        return None if at + 1 == len(pattern) else (re.escape(pattern[at + 1 : at + 2]), at + 2)
    return (b"[^/]" if char == b"?" else re.escape(char)), at + 1


def _name(texts: list[bytes]) -> bytes:
    """A name with a star between each two texts.

    Every text but the last is looked for at the first place where it is, and never again (an atomic group): what
    follows can only have more room behind that. So stars take the time of one reading each, however many there are.
    """
    if len(texts) == 1:
        return texts[0]
    inner = b"".join(b"(?>[^/]*?%b)" % text for text in texts[1:-1])
    return b"(?>%b%b[^/]*%b(?=/|\\Z))" % (texts[0], inner, texts[-1])


def _bracket(pattern: bytes, at: int) -> tuple[bytes, int] | None:
    """The bytes that a bracket expression allows, and where it ends; None if it does not end."""
    negated = pattern[at : at + 1] in (b"!", b"^")
    at += negated
    chosen: set[int] = set()
    previous, first = -1, True
    while first or pattern[at : at + 1] != b"]":
        first = False
        if at >= len(pattern):
            return None
        if pattern.startswith(b"[:", at):
            end = pattern.find(b":]", at + 2)
            if end >= 0 and pattern.find(b"]", at + 2) == end + 1:
                test = _CLASSES.get(pattern[at + 2 : end])
                if test is None:
                    return None
                chosen.update(byte for byte in _ALL if byte < 128 and test(bytes((byte,))))
                previous, at = -1, end + 2
                continue
        following = pattern[at + 1 : at + 2]
        if pattern[at : at + 1] == b"-" and previous >= 0 and following not in (b"]", b""):
            at += 2 if following == b"\\" else 1
            if at >= len(pattern):
                return None
            chosen.update(range(previous, pattern[at] + 1))
            previous = -1
        else:
            at += pattern[at : at + 1] == b"\\"
            if at >= len(pattern):
                return None
            previous = pattern[at]
            chosen.add(previous)
        at += 1
    chosen.discard(0x2F) if not negated else chosen.add(0x2F)
    return bytes(byte for byte in _ALL if (byte in chosen) != negated), at + 1
