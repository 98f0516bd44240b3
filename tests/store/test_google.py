"""A bucket of Google: who we are to it, what is refused and how that is told, that no token goes elsewhere."""

import json
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from support.gcs import Gcs, make_bucket, place_at
from support.servers import Answer, Request, answering, closed_port, hanging
from track.errors import BadCredentials, DamagedObject, RemoteError, RemoteUnreachable, TrackError
from track.model.digest import digest_of
from track.store.address import Access
from track.store.backends import google, object_place
from track.store.backends.google import GoogleObjects
from track.store.backends.google_account import GoogleCredentials, _read, find_google
from track.store.backends.google_failure import GoogleBound
from track.store.backends.object_place import ObjectPlace
from track.store.trial import try_place

URL = "gs://data/x"
SECRET = "canary-refresh-token"
USER = {"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": SECRET}
WORKLOAD = {
    "type": "external_account", "audience": "//iam.googleapis.com/x", "token_url": "https://sts.googleapis.com/v1/token",
    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "credential_source": {"file": "/x"},
}  # fmt: skip
JSON = (("Content-Type", "application/json"),)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails is asked for again only once."""
    for name in ("ASKING_AGAIN", "SENDING_AGAIN"):
        monkeypatch.setattr(object_place, name, {"max_retries": 1, "retry_timeout": timedelta(seconds=2)})


@pytest.fixture(scope="module")
def key() -> str:
    """The private key of a service account."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    kind = serialization.PrivateFormat.PKCS8
    return made.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()).decode()


def service(key: str, tokens: str) -> dict[str, str]:
    return {
        "type": "service_account", "client_email": "robot@acme.example", "private_key": key, "token_uri": tokens,
        "private_key_id": "1",
    }  # fmt: skip


def error_of(status: int, message: str = "no", reason: str = "forbidden") -> Answer:
    """An error as Google words it."""
    told = {"code": status, "message": message, "errors": [{"message": message, "domain": "global", "reason": reason}]}
    return Answer(status, json.dumps({"error": told}).encode(), JSON)


def found_with(info: object, tmp_path: Path, access: Access = Access(), **more: str) -> GoogleCredentials:  # noqa: B008  # a frozen value
    path = tmp_path / "who.json"
    path.write_text(info if isinstance(info, str) else json.dumps(info))
    return find_google(URL, access, {"HOME": str(tmp_path), "GOOGLE_APPLICATION_CREDENTIALS": str(path), **more})


# ---- who we are ----


def test_a_file_that_the_environment_names_says_who_we_are(tmp_path: Path, key: str) -> None:
    found = found_with(service(key, "https://oauth2.googleapis.com/token"), tmp_path)
    assert (found.who, found.source) == ("the service account robot@acme.example", "GOOGLE_APPLICATION_CREDENTIALS")
    assert found.endpoint == "https://storage.googleapis.com" and found.token is not None
    assert found_with(USER, tmp_path).who == "who is logged in at gcloud"
    assert found_with(WORKLOAD, tmp_path).who == "a federated identity"
    assert SECRET not in repr(found_with(USER, tmp_path))


def test_the_environment_beats_dotenv_and_that_gcloud_and_that_the_machine(tmp_path: Path) -> None:
    own = tmp_path / ".config" / "gcloud" / "application_default_credentials.json"
    own.parent.mkdir(parents=True)
    own.write_text(json.dumps(USER))
    (tmp_path / "other.json").write_text(json.dumps(WORKLOAD))
    (tmp_path / ".env").write_text(f"GOOGLE_APPLICATION_CREDENTIALS={tmp_path}/other.json\n")
    access = Access(dotenv=tmp_path / ".env")
    home = {"HOME": str(tmp_path), "GCE_METADATA_HOST": "127.0.0.1:9"}
    assert found_with(USER, tmp_path, access).source == "GOOGLE_APPLICATION_CREDENTIALS"
    assert find_google(URL, access, home).source == "GOOGLE_APPLICATION_CREDENTIALS in .env"
    assert find_google(URL, Access(), home).source == str(own)
    own.unlink()
    assert find_google(URL, Access(), home).who == "the identity of this machine"
    assert find_google(URL, Access(), {**home, "GOOGLE_SKIP_SIGNATURE": "true"}).token is None


def test_when_nothing_says_who_we_are_the_hint_does(tmp_path: Path) -> None:
    with pytest.raises(BadCredentials, match="there are no credentials for gs://data/x") as error:
        find_google(URL, Access(), {"HOME": str(tmp_path)})
    assert "gcloud auth application-default login" in str(error.value.hint)


@pytest.mark.parametrize(
    "text",
    [
        "",
        f'{{"refresh_token": "{SECRET}"',
        "[]",
        '{"type": "robot"}',
        f'{{"type": "authorized_user", "x": "{SECRET}"}}',
    ],
)
def test_a_file_that_says_nothing_is_named_and_not_shown(text: str, tmp_path: Path) -> None:
    with pytest.raises(BadCredentials, match=r"who\.json") as error:
        found_with(text, tmp_path)
    assert SECRET not in f"{error.value.message}{error.value.hint}{error.value.details}"


def test_a_token_is_shown_to_google_alone(tmp_path: Path) -> None:
    for endpoint in ("https://storage.evil.example", "http://127.0.0.1:9", "https://googleapis.com.evil.example"):
        found = found_with(USER, tmp_path, Access(endpoint=endpoint))
        assert found.token is None and found.who.startswith("nobody")
    assert found_with(USER, tmp_path, Access(endpoint="https://storage-x.p.googleapis.com")).token is not None
    assert found_with(USER, tmp_path, STORAGE_EMULATOR_HOST="127.0.0.1:4443").endpoint == "http://127.0.0.1:4443"
    with pytest.raises(RemoteError, match="show a token to everybody"):
        found_with(USER, tmp_path, Access(endpoint="http://storage.googleapis.com"))


@pytest.mark.parametrize("endpoint", ["ftp://x", "https://a:b@x", "https://x?token=secret", "https://"])
def test_an_endpoint_that_is_no_server_is_refused(endpoint: str, tmp_path: Path) -> None:
    with pytest.raises(RemoteError, match="no address of a server") as error:
        found_with(USER, tmp_path, Access(endpoint=endpoint))
    assert "secret" not in error.value.message


def place_as(info: Mapping[str, str], endpoint: str, tmp_path: Path) -> ObjectPlace:
    """A place at a server on the loopback, that is taken for Google's."""
    path = tmp_path / "who.json"
    path.write_text(json.dumps(info))
    token, who = _read(path)
    found = GoogleCredentials(endpoint, who, "GOOGLE_APPLICATION_CREDENTIALS", token)
    return ObjectPlace("x", GoogleObjects("data", found), GoogleBound(URL, "data", endpoint, who, found.source))


def test_one_token_is_had_and_goes_with_every_request(tmp_path: Path, key: str) -> None:
    tokens: list[Request] = []
    shown: list[str] = []

    def token(request: Request) -> Answer:
        tokens.append(request)
        return Answer(200, b'{"access_token": "T1", "expires_in": 3600, "token_type": "Bearer"}', JSON)

    def storage(request: Request) -> Answer:
        shown.append({name.lower(): value for name, value in request.headers.items()}["authorization"])
        return Answer(200, b"bytes", (("Content-Type", "application/octet-stream"),))

    with answering(token) as tokens_at, answering(storage) as endpoint:
        place = place_as(service(key, tokens_at), endpoint, tmp_path)
        assert [place.get("a"), place.get("b")] == [b"bytes", b"bytes"]
    assert shown == ["Bearer T1", "Bearer T1"] and len(tokens) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(400, b'{"error": "invalid_grant", "error_description": "account not found"}', JSON), "no token could"),
        (
            Answer(400, b'{"error": "invalid_grant", "error_description": "short-lived token: check your iat"}', JSON),
            "clock is wrong",
        ),
    ],
)
def test_a_token_that_cannot_be_had_is_told(answer: Answer, words: str, tmp_path: Path, key: str) -> None:
    with answering(lambda _: answer) as tokens_at:
        error = first_problem(place_as(service(key, tokens_at), closed_port(), tmp_path))
    assert isinstance(error, BadCredentials) and words in error.message and error.hint


# ---- what a server says ----


def first_problem(place: ObjectPlace) -> TrackError:
    problems = [step.problem for step in try_place(place).steps if step.problem is not None]
    assert problems, "nothing was refused"
    assert all(each.hint for each in problems)
    return problems[0]


def test_everything_may_be_done_at_the_server_and_it_is_said_as_whom(gs_server: Gcs) -> None:
    place = place_at(gs_server, "rights/owner")
    trial = try_place(place)
    assert [step.problem for step in trial.steps] == [None] * len(trial.steps) and trial.conditional
    assert place.identity == f"nobody (a token of Google's is shown to Google alone); {gs_server.endpoint}"


def test_a_missing_bucket_is_named(gs_server: Gcs) -> None:
    place = place_at(gs_server, "x", "nothere")
    error = first_problem(place)
    assert isinstance(error, RemoteUnreachable) and "there is no bucket `nothere`" in error.message
    assert "gcloud storage buckets create gs://nothere" in str(error.hint)
    assert error.details == ("the server said: Not Found",)
    with pytest.raises(RemoteUnreachable, match="there is no bucket"):
        place.put("x", b"1")


def test_a_bucket_with_something_else_in_it_is_not_ours(gs_server: Gcs) -> None:
    make_bucket(gs_server, "photos")
    place = place_at(gs_server, "", "photos")
    place.put("holiday.jpg", b"\xff")
    assert "is not a store of track" in first_problem(place).message


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (error_of(401, "Invalid Credentials", "authError"), "does not accept the service account robot"),
        (error_of(403, "robot does not have storage.objects.list access"), "may not list what is in it"),
        (error_of(403, "The billing account is disabled in state absent"), "has no billing account"),
        (error_of(404, "The specified bucket does not exist.", "notFound"), "there is no bucket `data`"),
        (error_of(429, "rate limit \x1b[2J", "rateLimitExceeded"), "is too busy"),
        (error_of(500, "x", "backendError"), "failed: it answered with 500"),
        (Answer(200, b"<html>welcome</html>"), "is not Google Cloud Storage"),
        (Answer(200, b"[1]", JSON), "is not Google Cloud Storage"),
        (Answer(200, b'{"items": [{"name": 1}]}', JSON), "is not Google Cloud Storage"),
        (Answer(404, b"<html>not found</html>"), "is not Google Cloud Storage"),
        (Answer(302, b"", (("Location", "http://evil.example/"),)), "says that gs://data/x is elsewhere"),
        (Answer(200, b'{"items"', JSON, cut=3), "broke off"),
    ],
)
def test_what_a_server_answers_has_its_own_words(answer: Answer, words: str, tmp_path: Path, key: str) -> None:
    token = Answer(200, b'{"access_token": "T1", "expires_in": 3600}', JSON)
    with answering(lambda _: token) as tokens_at, answering(lambda _: answer) as endpoint:
        error = first_problem(place_as(service(key, tokens_at), endpoint, tmp_path))
    assert words in error.message and "\x1b" not in f"{error.message}{error.details}"
    if words.startswith("may not"):
        assert "Storage Object Viewer (storage.objects.list)" in str(error.hint)


def test_a_server_that_asks_who_nobody_is() -> None:
    with answering(lambda _: error_of(401, "Anonymous caller", "required")) as endpoint:
        error = first_problem(place_at(Gcs(endpoint), "x"))
    assert isinstance(error, BadCredentials) and "asks who you are" in error.message


@pytest.mark.parametrize(("operation", "right"), [("write", "create"), ("delete", "delete"), ("read", "get")])
def test_each_right_that_is_missing_is_named(operation: str, right: str) -> None:
    with answering(lambda _: error_of(403)) as endpoint:
        place = place_at(Gcs(endpoint), "x")
        ask = {
            "write": lambda: place.put("k", b""),
            "delete": lambda: place.delete("k"),
            "read": lambda: place.get("k"),
        }
        with pytest.raises(RemoteError, match="may not") as error:
            ask[operation]()
    assert f"storage.objects.{right}" in str(error.value.hint)


def test_a_server_that_hangs_or_is_not_there_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_place, "ANSWER", timedelta(seconds=0.4))
    with hanging() as endpoint:
        error = first_problem(place_at(Gcs(endpoint), "x"))
        assert isinstance(error, RemoteUnreachable) and "does not answer" in error.message
    assert "cannot be reached" in first_problem(place_at(Gcs(closed_port()), "x")).message


# ---- what is sent and what comes ----


def test_bytes_with_the_mark_of_the_client_library_in_them_come_back_whole(gs_server: Gcs) -> None:
    """Its own small upload cuts a body there."""
    content = b"a\n--==0==--\nb\r\n--==0==\r\nc"
    place = place_at(gs_server, "marks")
    place.put("objects/a", content)
    assert place.get("objects/a") == content
    assert place.create("objects/b", content) and place.get("objects/b") == content


def test_what_arrived_as_something_else_is_sent_again() -> None:
    sent: list[bytes] = []

    def storage(request: Request) -> Answer:
        sent.append(request.body)
        told = '"AAAAAAAAAAAAAAAAAAAAAA=="' if len(sent) == 1 else '"XUFAKrxLKna5cZ2REBfFkg=="'
        return Answer(200, f'{{"md5Hash": {told}}}'.encode(), JSON)

    with answering(storage) as endpoint:
        place_at(Gcs(endpoint), "x").put("a", b"hello")
    assert len(sent) == 2 and all(b'"md5Hash": "XUFAKrxLKna5cZ2REBfFkg=="' in body for body in sent)


def test_what_came_as_something_else_is_asked_for_again() -> None:
    count = 0

    def storage(_: Request) -> Answer:
        nonlocal count
        count += 1
        tag = (("X-Goog-Hash", "crc32c=mnG7TA==,md5=XUFAKrxLKna5cZ2REBfFkg=="),)
        return Answer(200, b"hellx" if count == 1 else b"hello", tag)

    with answering(storage) as endpoint:
        assert place_at(Gcs(endpoint), "x").get("a") == b"hello"
    assert count == 2


def large_file(folder: Path) -> Path:
    path = folder / "large"
    path.write_bytes(os.urandom(object_place.SINGLE_LIMIT + (9 << 20) + 77))
    return path


def test_a_large_file_goes_in_parts_of_which_one_that_failed_is_sent_again(tmp_path: Path) -> None:
    source = large_file(tmp_path)
    content, got, ranges = source.read_bytes(), bytearray(), []

    def storage(request: Request) -> Answer | None:
        if request.method == "GET":
            return error_of(404, "No such object", "notFound")
        if request.method == "POST":
            assert parse_qs(urlsplit(request.path).query)["name"] == ["x/objects/a"]
            return Answer(200, b"{}", (("Location", f"{endpoint}/upload/1"),))
        headers = {name.lower(): value for name, value in request.headers.items()}
        ranges.append(headers["content-range"])
        if len(ranges) == 2:
            return Answer(503, b"")
        got.extend(request.body)
        if len(got) == len(content):
            return Answer(200, b"{}", JSON)
        return Answer(308, b"", (("Range", f"bytes=0-{len(got) - 1}"),))

    with answering(storage) as endpoint, place_at(Gcs(endpoint), "x").upload() as upload:
        upload.put_file("objects/a", source, digest_of(content))
        upload.commit()
    assert got == content and ranges[1] == ranges[2] and len(ranges) == 7
    assert ranges[-1].endswith(f"-{len(content) - 1}/{len(content)}")


def test_a_large_file_that_is_not_what_it_was_leaves_nothing(gs_server: Gcs, tmp_path: Path) -> None:
    place = place_at(gs_server, "changed")
    with pytest.raises(DamagedObject), place.upload() as upload:
        upload.put_file("objects/a", large_file(tmp_path), digest_of(b"other"))
    assert list(place.list("objects/")) == []


def test_an_upload_goes_to_no_other_server_than_the_one_that_was_asked(tmp_path: Path) -> None:
    asked: list[str] = []

    def elsewhere(request: Request) -> Answer:
        asked.append(request.path)
        return Answer(200, b"{}", JSON)

    with answering(elsewhere) as other:

        def storage(request: Request) -> Answer:
            if request.method == "GET":
                return error_of(404, "No such object", "notFound")
            return Answer(200, b"{}", (("Location", f"{other}/upload"),))

        source = large_file(tmp_path)
        with (
            answering(storage) as endpoint,
            place_at(Gcs(endpoint), "x").upload() as upload,
            pytest.raises(RemoteError, match="is not Google Cloud Storage"),
        ):
            upload.put_file("objects/a", source, digest_of(source.read_bytes()))
    assert asked == []


def test_what_is_longer_than_anything_of_ours_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google, "GET_LIMIT", 1000)
    with answering(lambda _: Answer(200, bytes(2000))) as endpoint:
        place = place_at(Gcs(endpoint), "x")
        with pytest.raises(DamagedObject, match="which it should not"):
            place.get("store.toml")


def test_a_listing_of_several_pages_goes_on_where_it_broke_off(gs_server: Gcs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google, "_PAGE", 3)
    place = place_at(gs_server, "pages")
    keys = {f"index/{number:02}" for number in range(10)}
    for name in keys:
        place.put(name, b"")
    told, broken = place.objects._told, 0

    def once_broken(*args: str, **words: object) -> dict[str, object]:
        nonlocal broken
        if words.get("pageToken") and not broken:
            broken += 1
            raise google.Refused("kind: Interrupted, x")
        answer: dict[str, object] = told(*args, **words)
        return answer

    monkeypatch.setattr(place.objects, "_told", once_broken)
    assert sorted(each.key for each in place.list("index/")) == sorted(keys)
    assert broken == 1
