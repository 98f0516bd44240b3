"""A container of Azure: who we are to it, what it refuses and how that is told, and that no secret is shown."""

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from support.azurite import ACCOUNT, KEY, Azure, make_container, place_at, signature
from support.servers import Answer, answering, closed_port, hanging, s3_error
from track.errors import BadCredentials, RemoteError, RemoteUnreachable, TrackError
from track.store.address import Access, AzureContainer
from track.store.backends import object_place
from track.store.backends.azure import open_container
from track.store.backends.azure_account import find_azure
from track.store.trial import try_place

OTHER_KEY = "AAAA" + KEY[4:]
OWN = {"AZURE_STORAGE_ACCOUNT": "acme", "AZURE_STORAGE_KEY": "a2V5"}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails is asked for again only once."""
    for name in ("ASKING_AGAIN", "SENDING_AGAIN"):
        monkeypatch.setattr(object_place, name, {"max_retries": 1, "retry_timeout": timedelta(seconds=2)})


def with_signature(rights: str, **more: float) -> dict[str, str]:
    return {"AZURE_STORAGE_ACCOUNT": ACCOUNT, "AZURE_STORAGE_SAS_TOKEN": signature(rights, **more)}


# ---- who we are ----


ACME = {"AZURE_STORAGE_ACCOUNT": "acme"}
APPLICATION = {**ACME, "AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "0123456789"}
STRING = "AccountName=acme;AccountKey=a2V5==;EndpointSuffix=core.windows.net"
HERE = "the environment"


@pytest.mark.parametrize(
    ("environ", "who", "source"),
    [
        (OWN, "the account key of acme", HERE),
        ({"AZURE_STORAGE_ACCOUNT_NAME": "acme", "AZURE_STORAGE_ACCOUNT_KEY": "a2V5"}, "the account key of acme", HERE),
        ({**ACME, "AZURE_STORAGE_SAS_TOKEN": "?sig=x"}, "a shared access signature of acme", HERE),
        (
            {"AZURE_STORAGE_CONNECTION_STRING": STRING},
            "the account key of acme",
            "AZURE_STORAGE_CONNECTION_STRING",
        ),
        ({**APPLICATION, "AZURE_CLIENT_SECRET": "s"}, "application 01234567…", HERE),
        ({**APPLICATION, "AZURE_FEDERATED_TOKEN_FILE": "/x"}, "application 01234567…", "a federated token"),
        ({**ACME, "AZURE_USE_MANAGED_IDENTITY": "1"}, "the identity of this machine", "its metadata"),
        ({**ACME, "AZURE_SKIP_SIGNATURE": "true"}, "nobody (requests are not signed)", "AZURE_SKIP_SIGNATURE"),
    ],
)
def test_the_first_that_says_who_we_are_is_believed(
    environ: Mapping[str, str], who: str, source: str, tmp_path: Path
) -> None:
    found = find_azure(AzureContainer("data"), Access(), {"HOME": str(tmp_path), **environ})
    assert (found.who, found.source, found.account) == (who, source, "acme")
    assert found.endpoint == "https://acme.blob.core.windows.net"


def test_the_environment_beats_dotenv_and_that_the_azure_cli(tmp_path: Path) -> None:
    (tmp_path / ".azure").mkdir()
    (tmp_path / ".azure" / "azureProfile.json").write_text(json.dumps({}))
    home = {"HOME": str(tmp_path)}
    (tmp_path / ".env").write_text("AZURE_STORAGE_ACCOUNT=other\nAZURE_STORAGE_KEY='a2V5'\n")
    access = Access(dotenv=tmp_path / ".env")
    assert find_azure(AzureContainer("data"), access, {**home, **OWN}).source == "the environment"
    found = find_azure(AzureContainer("data"), access, home)
    assert (found.source, found.account) == (".env", "other")
    found = find_azure(AzureContainer("data", "", "acme"), Access(), home)
    assert found.who == "who is logged in at the Azure CLI" and found.settings == {"use_azure_cli": True}


def test_a_connection_string_says_the_server_too(tmp_path: Path) -> None:
    text = (
        "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:1/x;"
    )
    found = find_azure(AzureContainer("data"), Access(), {"AZURE_STORAGE_CONNECTION_STRING": text})
    assert found.endpoint == "http://127.0.0.1:1/x" and found.account == "devstoreaccount1"


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        (OWN, "are for the storage account `acme`"),
        ({"AZURE_STORAGE_KEY": "a2V5"}, "nothing says for which storage account"),
        ({"AZURE_STORAGE_SAS_TOKEN": "sig=x"}, "nothing says for which storage account"),
        ({}, "there are no credentials"),
    ],
)
def test_what_belongs_to_one_account_is_not_shown_to_another(
    environ: Mapping[str, str], words: str, tmp_path: Path
) -> None:
    with pytest.raises(BadCredentials, match=words) as error:
        find_azure(AzureContainer("data", "", "stranger"), Access(), {"HOME": str(tmp_path), **environ})
    assert error.value.hint


@pytest.mark.parametrize("account", ["", "evil.example/x", "Ab"])
def test_an_account_cannot_become_another_host(account: str, tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "AZURE_STORAGE_ACCOUNT": account, "AZURE_STORAGE_KEY": "a2V5"}
    with pytest.raises(RemoteError, match="storage account"):
        find_azure(AzureContainer("data"), Access(), environ)


@pytest.mark.parametrize("endpoint", ["acme", "ftp://x", "https://a:b@x", "https://x?sig=secret", "https://"])
def test_an_endpoint_that_is_no_server_is_refused(endpoint: str, tmp_path: Path) -> None:
    with pytest.raises(RemoteError, match="no address of a server") as error:
        find_azure(AzureContainer("data"), Access(endpoint=endpoint), {"HOME": str(tmp_path), **OWN})
    assert "secret" not in error.value.message


# ---- what the real server refuses ----


def first_problem(place: object_place.ObjectPlace) -> TrackError:
    problems = [step.problem for step in try_place(place).steps if step.problem is not None]
    assert problems, "nothing was refused"
    shown = "".join(f"{each.message}{each.hint}{each.details}" for each in problems)
    assert KEY[8:] not in shown and "sig=" not in shown and all(each.hint for each in problems)
    return problems[0]


def test_the_owner_may_do_everything_and_it_is_said_as_whom(azure_server: Azure) -> None:
    place = place_at(azure_server, "rights/owner")
    trial = try_place(place)
    assert [step.problem for step in trial.steps] == [None] * len(trial.steps) and trial.conditional
    assert place.identity == f"the account key of {ACCOUNT}, from the environment; {azure_server.endpoint}"


@pytest.mark.parametrize(
    ("rights", "missing"),
    [("rcwd", {"list"}), ("lcwd", {"read"}), ("rlcw", {"delete"}), ("rld", {"write"})],
)
def test_each_right_that_a_signature_lacks_is_named(azure_server: Azure, rights: str, missing: set[str]) -> None:
    place = place_at(azure_server, f"rights/{rights}", **with_signature(rights))
    steps = {step.name: step.problem for step in try_place(place).steps}
    assert missing <= {name for name, problem in steps.items() if problem is not None}
    problem = steps[min(missing)]
    assert problem is not None and "may not" in problem.message and problem.hint and "Storage Blob Data" in problem.hint


def test_wrong_credentials_are_told(azure_server: Azure) -> None:
    wrong = {"AZURE_STORAGE_ACCOUNT": ACCOUNT, "AZURE_STORAGE_KEY": OTHER_KEY}
    error = first_problem(place_at(azure_server, "x", **wrong))
    assert isinstance(error, BadCredentials) and f"does not accept the account key of {ACCOUNT}" in error.message
    error = first_problem(place_at(azure_server, "x", AZURE_STORAGE_ACCOUNT=ACCOUNT, AZURE_STORAGE_KEY=KEY[:-3]))
    assert isinstance(error, BadCredentials) and "not whole" in error.message
    error = first_problem(place_at(azure_server, "x", **with_signature("rlcwd", hours=-1)))
    assert isinstance(error, BadCredentials)


def test_a_missing_container_is_named(azure_server: Azure) -> None:
    place = place_at(azure_server, "x", "nothere")
    error = first_problem(place)
    assert isinstance(error, RemoteUnreachable) and "there is no container `nothere`" in error.message
    assert "az storage container create" in str(error.hint) and str(error.hint).endswith(azure_server.endpoint)
    assert "RequestId" not in "".join(error.details) and "ContainerNotFound: " in "".join(error.details)
    for ask in (lambda: place.get("store.toml"), lambda: place.put("x", b"1")):
        with pytest.raises(RemoteUnreachable, match="there is no container"):
            ask()


def test_a_container_with_something_else_in_it_is_not_ours(azure_server: Azure) -> None:
    make_container(azure_server, "photos")
    place = place_at(azure_server, "", "photos")
    place.put("holiday.jpg", b"\xff")
    error = first_problem(place)
    assert "is not a store of track" in error.message


def test_a_container_that_is_not_for_everybody(azure_server: Azure) -> None:
    error = first_problem(place_at(azure_server, "x", AZURE_STORAGE_ACCOUNT=ACCOUNT, AZURE_SKIP_SIGNATURE="true"))
    assert isinstance(error, RemoteError)


# ---- servers that are none ----


def open_at(endpoint: str) -> object_place.ObjectPlace:
    return place_at(Azure(f"{endpoint}/{ACCOUNT}"), "x")


def test_a_server_that_hangs_or_is_not_there_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_place, "ANSWER", timedelta(seconds=0.4))
    with hanging() as endpoint:
        error = first_problem(open_at(endpoint))
        assert isinstance(error, RemoteUnreachable) and "does not answer" in error.message
    assert "cannot be reached" in first_problem(open_at(closed_port())).message


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(200, b"<html>welcome</html>"), "is not Azure Blob Storage"),
        (Answer(404, b"<html>not found</html>"), "is not Azure Blob Storage"),
        (Answer(500, b""), "failed: it answered with 500"),
        (Answer(503, b""), "is too busy"),
        (s3_error("AuthenticationFailed", 403, "Signature not valid in the specified time frame"), "has expired"),
        (s3_error("AuthenticationFailed", 403, "Request date header too old"), "clock is wrong"),
        (s3_error("AuthorizationPermissionMismatch", 403, "\x1b[2J"), "may not list"),
        (s3_error("InvalidAuthenticationInfo", 401), "does not accept"),
        (s3_error("ContainerBeingDeleted", 409), "is being deleted"),
    ],
)
def test_what_a_server_answers_has_its_own_words(answer: Answer, words: str) -> None:
    with answering(lambda _: answer) as endpoint:
        error = first_problem(open_at(endpoint))
    assert words in error.message and "\x1b" not in f"{error.message}{error.details}"


def test_a_token_that_cannot_be_had_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`az` is there and nobody is logged in."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "az").write_text("#!/bin/sh\necho 'Please run az login' >&2\nexit 1\n")
    (tmp_path / "bin" / "az").chmod(0o755)
    (tmp_path / ".azure").mkdir()
    (tmp_path / ".azure" / "azureProfile.json").write_text("{}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    place = open_container(AzureContainer("data", "", "acme"), Access(endpoint="http://127.0.0.1:9/acme"))
    error = first_problem(place)
    assert isinstance(error, BadCredentials) and error.hint == "az login"
