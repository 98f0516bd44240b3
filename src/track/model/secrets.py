"""Secrets: which names and files look like one, and how their values are kept out of what is written."""

import re
from collections.abc import Iterable, Mapping

SHORTEST = 6
"""Shorter values are no secrets: they would be found everywhere."""
REDACTED = "[redacted]"

_NAME = re.compile(
    r"(?i)secret|token|passw(?:or)?d|passphrase|credential|api_?key|access_?key|private_?key|signing_?key|auth_?key"
    r"|^pwd_|_pat$|_dsn$|connection_?string|_sas$"
)
_HARMLESS = re.compile(r"(?i)tokenizers?_parallelism|max_tokens?|num_tokens?")
_FILE = re.compile(
    rb"(?i)(?:^|/)(?:\.env(?:\.[^/]+)?|\.netrc|\.pgpass|\.npmrc|\.pypirc|id_(?:rsa|dsa|ecdsa|ed25519)|credentials?"
    rb"|service[-_]?account[^/]*\.json|[^/]*\.(?:pem|key|p12|pfx|kdbx|jks|keystore|age))$"
)
_SETTING = re.compile(
    r"(?m)^[ \t]*(?:export[ \t]+)?[A-Za-z_][A-Za-z0-9_]*[ \t]*=[ \t]*"
    r"""(?:"((?:[^"\\]|\\[\s\S])*)"|'([^']*)'|([^\r\n]*))"""
)
_NAMED = (
    r"(?:[A-Za-z0-9]+[-_])*"
    r"(?:token|secret|passw(?:or)?d|passphrase|credentials?|(?:api|access|secret|private|signing|auth)[-_]?key)"
)
_SPECIAL = r"(?:[A-Za-z0-9]+[-_])*(?:bos|cls|eos|mask|pad|sep|unk)[-_]token"
_OPTION = re.compile(rf"(?i)--?(?!{_SPECIAL}$){_NAMED}")
_SAID = re.compile(
    rf"(?i)(?<![A-Za-z0-9_-])((?:--?)?(?!{_SPECIAL}[ =]){_NAMED}=|--?(?!{_SPECIAL} ){_NAMED} +)"
    r"""("[^"]*"|'[^']*'|(?![-$"'])[^\s"';&|]+)"""
)
_IN_ADDRESS = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,30}://[^\s/:@?#]*:)([^\s/@?#]+)(?=@)")
_TRUTH = {"true", "false", "enabled", "disabled", "default", "unknown"}


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
    """The text without passwords in addresses, and without what stands behind a secret's name: `--token x`."""
    return _SAID.sub(rf"\1{REDACTED}", _IN_ADDRESS.sub(rf"\1{REDACTED}", text))


def words_without_told(words: Iterable[str]) -> tuple[str, ...]:
    """The words of a command without secrets that stand behind their name or in an address."""
    found: list[str] = []
    is_next = False
    for word in words:
        is_value = is_next and not word.startswith("-")
        found.append(REDACTED if is_value else without_told(word))
        is_next = _OPTION.fullmatch(word) is not None
    return tuple(found)
