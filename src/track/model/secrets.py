"""Secrets: which names and files look like one, and how their values are kept out of what is written."""

import re
from collections.abc import Iterable, Mapping

from track.model.expressions import expression
from track.model.names import display

SHORTEST = 6
"""Shorter values are no secrets: they would be found everywhere."""
REDACTED = "[redacted]"

_NAME = expression(
    r"(?i)secret|token|passw(?:or)?d|passphrase|credential|api_?key|access_?key|private_?key|signing_?key|auth_?key"
    r"|^pwd_|_pat$|_dsn$|connection_?string|_sas$"
)
_HARMLESS = expression(r"(?i)tokenizers?_parallelism|max_tokens?|num_tokens?")
_FILE = expression(
    rb"(?i)(?:^|/)(?:\.env(?:\.[^/]+)?|\.netrc|\.pgpass|\.npmrc|\.pypirc|id_(?:rsa|dsa|ecdsa|ed25519)|credentials?"
    rb"|service[-_]?account[^/]*\.json|[^/]*\.(?:pem|key|p12|pfx|kdbx|jks|keystore|age))$"
)
_SETTING = expression(
    r"(?m)^[ \t]*(?:export[ \t]+)?[A-Za-z_][A-Za-z0-9_]*[ \t]*=[ \t]*"
    r"""(?:"((?:[^"\\]|\\[\s\S])*)"|'([^']*)'|([^\r\n]*))"""
)
_NAMED = (
    r"(?:[A-Za-z0-9]+[-_])*"
    r"(?:token|secret|passw(?:or)?d|passphrase|credentials?|(?:api|access|secret|private|signing|auth)[-_]?key)"
)
_SPECIAL = r"(?:[A-Za-z0-9]+[-_])*(?:bos|cls|eos|mask|pad|sep|unk)[-_]token"
_OPTION = expression(rf"(?i)--?(?!{_SPECIAL}$){_NAMED}")
_SAID = expression(
    rf"(?i)(?<![A-Za-z0-9_-])((?:--?)?(?!{_SPECIAL}[ =]){_NAMED}=|--?(?!{_SPECIAL} ){_NAMED} +)"
    r"""("[^"]*"|'[^']*'|(?![-$"'])[^\s"';&|]+)"""
)
_CORE = (
    r"(?:token|secret|passw(?:or)?d|passphrase|credentials?|(?:api|access|secret|private|signing|auth)[-_]?key"
    r"|authorization)"
)
_HELD = expression(
    rf"""(?im)({_CORE})(?P<end>\\*["'])?(?P<between>[ \t]*(?:=>?|:)[ \t]*)
        (?P<value>"(?:[^"\\\r\n]|\\.)+(?:"|(?=\r|$))|'(?:[^'\\\r\n]|\\.)+(?:'|(?=\r|$))
        |\\+["'](?:[^\\\r\n]|\\++(?!["']))+(?:\\+["']|(?=\r|$))
        |(?:(?:bearer|basic|digest)[ ]+)?(?![\\"'])[^\s"'`,;&|\\]*[^\s"'`,;&|\\:)\]}}])""",
    re.VERBOSE,
)
"""The end of a key that looks secret, and its value, as JSON, Python, YAML and settings have them; in strings, too."""
_HINTS = (b"token", b"secret", b"passw", b"passphrase", b"credential", b"key", b"authorization", b"://")
_BEFORE = expression(r"""(?P<mark>\\*["'])?(?P<name>[A-Za-z0-9_.-]*)\Z""")
_LONGEST_NAME = 60
_SPECIAL_NAME = expression(rf"(?i){_SPECIAL}")
_PLACEHOLDER = expression(r"\*+|<[^<>]*>?|%[sdr(].*|[{\[(].*|\$\{?\w+\}?")
"""What stands for a value, or begins a nested one."""
_EXPRESSION = expression(r"[A-Za-z_][\w.]*[(\[].*")
"""In a program, behind `=`."""
_NUMBER = expression(r"[-+]?[0-9][0-9_.,]*(?:e[-+]?[0-9]+)?%?", re.IGNORECASE)
_TELLING = expression(rf"{_CORE}(?:\\*[\"'])?[ \t]*[=: ]|://[^\s/@:]*:[^\s/@]*@".encode("ascii"))
"""What has to stand in lower case where a secret is told; no farther than the next slash, for a line may hold many."""
_QUERY = expression(r"([A-Za-z][A-Za-z0-9+.-]*://[^\s'\"?]*)\?[^\s'\"]*")
_IN_ADDRESS = expression(r"(?i)\b([a-z][a-z0-9+.-]{0,30}://[^\s/:@?#]*:)([^\s/@?#]+)(?=@)")
_TRUTH = {"true", "false", "enabled", "disabled", "default", "unknown"}
_NO_VALUE = _TRUTH | {"none", "null", "nil", "yes", "no", "on", "off", "str", "bytes", "int", "bool", "float", "string"}


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name looks as if its value were a secret."""
    return _NAME.search(name) is not None and _HARMLESS.search(name) is None


def is_secret_file(path: bytes) -> bool:
    """Whether a file of this name looks as if secrets were in it."""
    return _FILE.search(path) is not None


def secret_values(variables: Mapping[str, str], named: Iterable[str] = (), also: Iterable[str] = ()) -> tuple[str, ...]:
    """The values that must not be written: of variables that look secret, or that are `named`, and those in `also`;
    longest first.
    """
    chosen = set(named)
    found = {value for name, value in variables.items() if name in chosen or is_secret_name(name)} | set(also)
    values = {value for value in found if len(value) >= SHORTEST and value.lower() not in _TRUTH}
    return tuple(sorted(values, key=lambda value: (-len(value), value)))


def redacted(text: str, values: Iterable[str]) -> str:
    """The text without these values."""
    for value in values:
        text = text.replace(value, REDACTED)
    return text


def redacted_bytes(content: bytes, values: Iterable[str]) -> bytes:
    """The bytes without these values, as UTF-8."""
    for value in values:
        content = content.replace(value.encode("utf-8", "surrogateescape"), REDACTED.encode("ascii"))
    return content


def holds_secret(content: bytes, values: Iterable[str]) -> bool:
    """Whether one of these values is in the bytes."""
    return any(value.encode("utf-8", "surrogateescape") in content for value in values)


def names_in_dotenv(content: str) -> tuple[str, ...]:
    """The variables that a `.env` file sets, in its order; lines that set none are passed over."""
    found = (re.match(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=", line) for line in content.splitlines())
    return tuple(each[1] for each in found if each)


def values_in_dotenv(content: str) -> tuple[str, ...]:
    """Every value that a program may read from a `.env` file, in its order: without quotes, which may hold lines, and
    without the remark behind it; but as it stands, too, for programs differ.
    """
    found: dict[str, None] = {}
    for setting in _SETTING.finditer(content):
        double, single, bare = setting.groups()
        if double is not None:
            found |= dict.fromkeys((double, double.replace("\\n", "\n"), double.replace('\\"', '"')))
        elif single is not None:
            found[single] = None
        else:
            found |= dict.fromkeys((bare.strip(), re.split(r"\s#", bare)[0].strip(), bare.strip().strip("'\"")))
    return tuple(value for value in found if value)


def is_told_as_secret(name: str) -> bool:
    """Whether a parameter or option of this name is given a secret: `api_key`, `--db-password`, not `--eos-token`."""
    return _OPTION.fullmatch("--" + name.lstrip("-")) is not None


def without_told(text: str) -> str:
    """The text without passwords in addresses, and without what stands behind a secret's name: `--token x`,
    `token=x`, `token: x`, `{"token": "x"}`. Numbers and words such as `true` stay where only a colon tells of them.
    """
    return _HELD.sub(_without_value, _SAID.sub(rf"\1{REDACTED}", _IN_ADDRESS.sub(rf"\1{REDACTED}", text)))


def without_keys(text: str) -> str:
    """The text with its addresses as far as they say where something is: no password, and nothing behind a `?`."""
    return _QUERY.sub(r"\1?…", _IN_ADDRESS.sub(rf"\1{REDACTED}", text))


def said_lines(said: bytes) -> tuple[str, ...]:
    """The lines that a program said, to be shown, without keys in addresses; empty ones are left out."""
    return tuple(without_keys(display(line)) for line in said.splitlines() if line.strip())


def bytes_without_told(content: bytes) -> bytes:
    """The bytes, such as what a program printed, without what `without_told` leaves out of each line."""
    small, parts, done = content.lower(), [], 0
    if not any(hint in small for hint in _HINTS):
        return content
    while (found := _TELLING.search(small, done)) is not None:
        start, end = small.rfind(b"\n", done, found.start()) + 1 or done, small.find(b"\n", found.start())
        end = len(content) if end < 0 else end
        line = content[start:end].decode("utf-8", "surrogateescape")
        parts += [content[done:start], without_told(line).encode("utf-8", "surrogateescape")]
        done = end
    return b"".join((*parts, content[done:]))


def _without_value(found: re.Match[str]) -> str:
    before = _BEFORE.search(found.string, max(0, found.start() - _LONGEST_NAME), found.start())
    mark, name = (before["mark"], before["name"]) if before is not None else (None, "")
    end, between, value = found["end"] or "", found["between"], found["value"]
    marks = re.match(r"\\*[\"']", value)
    is_key = (mark == end) if end else (marks is not None or between[-1] in "=> \t")
    if not is_key or _SPECIAL_NAME.fullmatch(name + found[1]):
        return found[0]
    known = found[0].removesuffix(value)
    if marks is not None:
        return f"{known}{marks[0]}{REDACTED}{marks[0] if value.endswith(marks[0]) else ''}"
    return found[0] if _is_plain(value, between, found[1].lower()) else f"{known}{REDACTED}"


def _is_plain(value: str, between: str, name: str) -> bool:
    """Whether a word without quotes is no secret: it says that there is none, or is a number that is no password."""
    if _NUMBER.fullmatch(value):
        return "passw" not in name and "passphrase" not in name
    is_code = between.endswith("= ") and _EXPRESSION.fullmatch(value) is not None
    return is_code or value.lower() in _NO_VALUE or _PLACEHOLDER.fullmatch(value) is not None


def words_without_told(words: Iterable[str]) -> tuple[str, ...]:
    """The words of a command without secrets that stand behind their name or in an address."""
    found: list[str] = []
    is_next = False
    for word in words:
        is_value = is_next and not word.startswith("-")
        found.append(REDACTED if is_value else without_told(word))
        is_next = _OPTION.fullmatch(word) is not None
    return tuple(found)
