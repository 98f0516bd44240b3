"""Secrets: what looks like one, and that its value stays out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from track.model.secrets import (
    REDACTED,
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
