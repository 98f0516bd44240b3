"""Secrets: what looks like one, and that its value stays out."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from track.model.secrets import (
    REDACTED,
    bytes_without_told,
    holds_secret,
    is_secret_file,
    is_secret_name,
    is_told_as_secret,
    names_in_dotenv,
    redacted,
    redacted_bytes,
    secret_values,
    values_in_dotenv,
    without_told,
    words_without_told,
)


@pytest.mark.parametrize(
    "name",
    "AWS_SECRET_ACCESS_KEY GITHUB_TOKEN DB_PASSWORD PASSWD OPENAI_API_KEY APIKEY MY_CREDENTIALS SENTRY_DSN "
    "AZURE_STORAGE_CONNECTION_STRING SSH_PRIVATE_KEY GITLAB_PAT CONTAINER_SAS PASSPHRASE".split(),
)
def test_these_variables_look_secret(name: str) -> None:
    assert is_secret_name(name) and is_secret_name(name.lower())


@pytest.mark.parametrize("name", "PATH HOME TOKENIZERS_PARALLELISM MAX_TOKENS PWD KEYBOARD LANG PATTERN".split())
def test_these_do_not(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    "path",
    [b".env", b"a/.env.local", b".netrc", b"k/id_ed25519", b"x.pem", b"credentials", b"service-account-1.json"],
)
def test_these_files_look_secret(path: bytes) -> None:
    assert is_secret_file(path)
    assert not is_secret_file(path + b"x/main.py") and not is_secret_file(b"environment.py")


def test_values_come_longest_first_and_short_or_plain_ones_are_no_secrets():
    variables = {"A_TOKEN": "abcdef", "B_TOKEN": "abcdefgh", "C_TOKEN": "abc", "D_TOKEN": "Enabled", "X": "plainly"}
    assert secret_values(variables) == ("abcdefgh", "abcdef")
    assert secret_values(variables, ["X"]) == ("abcdefgh", "plainly", "abcdef")


SECRET = st.text(st.characters(categories=("L", "N")), min_size=6)


@given(st.lists(SECRET, min_size=1, max_size=4), st.lists(st.text(), min_size=1, max_size=4))
def test_no_value_is_left(secrets: list[str], around: list[str]) -> None:
    values = secret_values({f"TOKEN_{number}": value for number, value in enumerate(secrets)})
    text = "".join(part + secret for part in around for secret in secrets)
    left = redacted(text, values)
    assert not any(value in left.replace(REDACTED, "\0") for value in values)
    content = text.encode("utf-8", "surrogateescape") if text.isprintable() else b"x"
    assert not holds_secret(redacted_bytes(content, values).replace(REDACTED.encode(), b"\0"), values)


def test_what_a_dotenv_names():
    content = "# secrets\nA=1\nexport B = 'x'\n  C=\n\nnot a line\n9X=1\n"
    assert names_in_dotenv(content) == ("A", "B", "C")


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=plain-value", "plain-value"),
        ("A=with-remark # of whom", "with-remark"),
        ('export\tA = "in quotes"  # remark', "in quotes"),
        ("A='single # kept'", "single # kept"),
        ('A="first\nsecond"', "first\nsecond"),
        (r'A="first\nsecond"', "first\nsecond"),
        ('A="never closed', "never closed"),
        ("A=it's#all", "it's#all"),
    ],
)
def test_what_a_program_may_read_from_a_dotenv_is_secret(line: str, value: str) -> None:
    assert value in values_in_dotenv(f"# first\n{line}\nB=2\n") and "2" in values_in_dotenv(f"{line}\n\n  B=2")


def test_a_dotenv_counts_beside_the_environment():
    assert secret_values({"A": "from-environment"}, ["A"], ["from-file"]) == ("from-environment", "from-file")


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ("python t.py --password swordfish --lr 1", "python t.py --password [redacted] --lr 1"),
        ("python t.py --hf-token=swordfish", "python t.py --hf-token=[redacted]"),
        ("env API_KEY=swordfish python", "env API_KEY=[redacted] python"),
        ("load postgres://me:swordfish@host/db", "load postgres://me:[redacted]@host/db"),
        ("curl https://h/?access_token=swordfish&b=1", "curl https://h/?access_token=[redacted]&b=1"),
        ("t --eos-token stop --tokenizer bert --max-tokens 5", "t --eos-token stop --tokenizer bert --max-tokens 5"),
        ("t --password --verbose", "t --password --verbose"),
        ("t --token $TOKEN --key=id --mask-token=[MASK]", "t --token $TOKEN --key=id --mask-token=[MASK]"),
        ("s3://bucket/a@b:c http://host:80/x@y", "s3://bucket/a@b:c http://host:80/x@y"),
    ],
)
def test_secrets_that_a_command_is_told_are_left_out(given: str, left: str) -> None:
    assert without_told(given) == left
    if "$" not in given:  # as a word of its own it is no variable any more
        assert " ".join(words_without_told(given.split())) == left


def test_parameters_that_are_secrets_by_their_name():
    assert is_told_as_secret("db_password") and is_told_as_secret("api-key")
    assert not is_told_as_secret("tokens") and not is_told_as_secret("eos_token") and not is_told_as_secret("key")


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ('{"password": "x"}', '{"password": "[redacted]"}'),
        ('{"a": 1, "apiKey" : "x\\"y z", "b": 2}', '{"a": 1, "apiKey" : "[redacted]", "b": 2}'),
        ("{'db.password': 'x', 'n': 1}", "{'db.password': '[redacted]', 'n': 1}"),
        ('"{\\"client_secret\\":\\"x\\"}"', '"{\\"client_secret\\":\\"[redacted]\\"}"'),
        ("connecting with password: hunter2, port 5", "connecting with password: [redacted], port 5"),
        ("{user: me, token: abc}", "{user: me, token: [redacted]}"),
        ('token = "abc def"', 'token = "[redacted]"'),
        ("passphrase: 1234", "passphrase: [redacted]"),
        ('"secret": "cut off', '"secret": "[redacted]'),
        ("Authorization: Bearer abc.def", "Authorization: [redacted]"),
        ("{'Authorization': 'Basic abc=='}", "{'Authorization': '[redacted]'}"),
    ],
)
def test_secrets_that_stand_behind_their_key_are_left_out(given: str, left: str) -> None:
    assert without_told(given) == left and without_told(left) == left
    assert bytes_without_told(b"\xff\n" + given.encode() + b"\r\n") == b"\xff\n" + left.encode() + b"\r\n"


@pytest.mark.parametrize(
    "text",
    [
        "tokens: 512, num_tokens: 5, max_tokens=5, token: 17",
        '{"eos_token": "</s>", "pad_token": "<pad>", "tokens": ["a"], "key": "id"}',
        "password: ***, token: None, secret: <yours>, api_key: $KEY, token: ${CI_TOKEN}",
        "def login(password: str, token: bytes): password = ask(user, 5); token = self.tokens[3]",
        "secret: [a, b]; credentials: {a: b}; Password: \nnext line",
        "http://token:80/x tokenizer: bert, keyboard: qwerty, the secret is: none",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert without_told(text) == text and bytes_without_told(text.encode()) == text.encode()


WORD = st.text("abcdefghijklmnopqrstuvwxyzABC0123456789_", min_size=1, max_size=12)
SAYS_SECRET = re.compile("(?i)token|secret|passw|passphrase|credential|key|authorization")
PLAIN_KEYS = WORD.filter(lambda word: not SAYS_SECRET.search(word))
SECRET_KEYS = st.sampled_from("password token api_key apiKey clientSecret DB_PASSWORD aws_secret_access_key".split())
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\"'\\\n\r"), min_size=1)
FORMS = st.sampled_from(
    ['{{"{}": "{}"}}', "{{'{}': '{}'}}", '{}: "{}"', "{} = '{}'", '"{}"="{}",', '{{\\"{}\\":\\"{}\\"}}']
)


@given(FORMS, PLAIN_KEYS, VALUES.filter(lambda value: "://" not in value and not SAYS_SECRET.search(value)))
def test_values_behind_any_other_key_stay(form: str, key: str, value: str) -> None:
    text = form.format(key, value)
    assert without_told(text) == text and bytes_without_told(text.encode()) == text.encode()


@given(FORMS, SECRET_KEYS, VALUES, PLAIN_KEYS)
def test_a_value_in_quotes_behind_a_secret_key_never_stays_and_all_around_it_does(
    form: str, key: str, value: str, around: str
) -> None:
    text, left = (f"{around} {form.format(key, each)} {around}" for each in (value, REDACTED))
    assert without_told(text) == left and bytes_without_told(text.encode()) == left.encode()


@given(
    SECRET_KEYS,
    WORD.filter(lambda word: not word.isdigit() and len(word) > 6),
    st.sampled_from(["{}: {}", "{}={}", "{} = {}"]),
)
def test_a_word_behind_a_secret_key_never_stays(key: str, word: str, form: str) -> None:
    assert without_told(f"x {form.format(key, word)} x") == f"x {form.format(key, REDACTED)} x"


@pytest.mark.parametrize(
    ("line", "is_secret"),
    [
        (b"[" + b",".join(b'"http://host:80/%d"' % number for number in range(100_000)) + b"]", False),
        (b'token: \\"' + b"\\" * 500_000 + b"x", True),
    ],
    ids=["addresses", "backslashes"],
)
def test_a_long_line_takes_no_time_by_the_square_of_its_length(line: bytes, is_secret: bool) -> None:
    # by the square, each would take an hour
    assert bytes_without_told(line) == (b'token: \\"[redacted]' if is_secret else line)
