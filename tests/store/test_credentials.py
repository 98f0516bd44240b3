"""Who we are to a bucket: where it is looked for, in which order, and that nothing secret is ever shown."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from track.errors import BadCredentials
from track.store.address import Access
from track.store.backends.credentials import Credentials, find_credentials, read_dotenv, shortened

URL = "s3://bucket/prefix"
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "AKIAENVIRONMENT1", "AWS_SECRET_ACCESS_KEY": "env-secret"}
NO_MACHINE = {"AWS_EC2_METADATA_DISABLED": "true"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".aws").mkdir()
    return tmp_path


def found(home: Path, environ: Mapping[str, str] | None = None, access: Access | None = None) -> Credentials:
    return find_credentials(access or Access(), URL, {"HOME": str(home), **NO_MACHINE, **(environ or {})})


def profile(home: Path, name: str, credentials: str = "", config: str = "") -> None:
    with open(home / ".aws" / "credentials", "a") as file:
        file.write(f"[{name}]\n{credentials}\n" if credentials else "")
    with open(home / ".aws" / "config", "a") as file:
        file.write(f"[{'default' if name == 'default' else f'profile {name}'}]\n{config}\n" if config else "")


KEYS = "aws_access_key_id = AKIA{0}000000\naws_secret_access_key = {0}-secret\n"


def test_the_environment_beats_dotenv_and_the_default_profile(home: Path) -> None:
    profile(home, "default", KEYS.format("DEFAULT"))
    (home / ".env").write_text("AWS_ACCESS_KEY_ID=AKIADOTENV000001\nAWS_SECRET_ACCESS_KEY=dotenv-secret\n")
    access = Access(dotenv=home / ".env")
    one = found(home, ENVIRONMENT, access)
    assert one.key is not None and one.key.id == "AKIAENVIRONMENT1" and one.source == "the environment"
    two = found(home, access=access)
    assert two.key is not None and two.key.secret == "dotenv-secret" and two.source == ".env"
    three = found(home)
    assert three.key is not None and three.key.secret == "DEFAULT-secret" and three.source == "profile `default`"


def test_a_profile_chosen_for_the_remote_beats_the_environment(home: Path) -> None:
    profile(home, "work", KEYS.format("WORK"), "region = eu-west-3\nendpoint_url = https://s3.example.org\n")
    chosen = found(home, ENVIRONMENT, Access(profile="work"))
    assert chosen.key is not None and chosen.key.secret == "WORK-secret"
    assert (chosen.region, chosen.endpoint) == ("eu-west-3", "https://s3.example.org")


def test_a_profile_of_the_environment_is_used_when_no_key_is_set(home: Path) -> None:
    profile(home, "work", KEYS.format("WORK"))
    assert found(home, {"AWS_PROFILE": "work"}).source == "profile `work`"
    assert found(home, {"AWS_PROFILE": "work", **ENVIRONMENT}).source == "the environment"


def test_files_named_by_the_environment_are_read_instead(home: Path) -> None:
    (home / "elsewhere").write_text("[default]\n" + KEYS.format("ELSEWHERE"))
    one = found(home, {"AWS_SHARED_CREDENTIALS_FILE": str(home / "elsewhere")})
    assert one.key is not None and one.key.secret == "ELSEWHERE-secret"


def test_what_the_remote_says_beats_the_environment_and_that_the_profile(home: Path) -> None:
    profile(home, "default", KEYS.format("DEFAULT"), "region = eu-west-1\nendpoint_url = https://profile.example\n")
    environ = {"AWS_REGION": "eu-west-2", "AWS_ENDPOINT_URL": "https://env.example"}
    plain, by_env = found(home), found(home, environ)
    by_remote = found(home, environ, Access(endpoint="https://remote.example", region="eu-west-3"))
    assert (plain.region, plain.endpoint) == ("eu-west-1", "https://profile.example")
    assert (by_env.region, by_env.endpoint) == ("eu-west-2", "https://env.example")
    assert (by_remote.region, by_remote.endpoint) == ("eu-west-3", "https://remote.example")
    special = found(home, {**environ, "AWS_ENDPOINT_URL_S3": "https://s3-env.example"})
    assert special.endpoint == "https://s3-env.example"


def test_a_session_token_goes_with_its_own_key_alone(home: Path) -> None:
    profile(home, "work", KEYS.format("WORK"))
    environ = {**ENVIRONMENT, "AWS_SESSION_TOKEN": "token"}
    with_token, without = found(home, environ), found(home, environ, Access(profile="work"))
    assert with_token.key is not None and with_token.key.token == "token"
    assert without.key is not None and without.key.token is None


def test_without_any_credentials_the_error_says_where_they_were_looked_for(home: Path) -> None:
    with pytest.raises(BadCredentials) as error:
        found(home)
    assert "no credentials for s3://bucket/prefix" in error.value.message
    assert "AWS_ACCESS_KEY_ID" in str(error.value.hint) and error.value.exit_code == 5


@pytest.mark.parametrize("lacking", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
@pytest.mark.parametrize("how", ["unset", "empty"])
def test_half_a_key_is_told_unless_a_profile_has_a_whole_one(home: Path, lacking: str, how: str) -> None:
    environ = {name: value for name, value in ENVIRONMENT.items() if name != lacking}
    if how == "empty":
        environ[lacking] = ""
    with pytest.raises(BadCredentials, match=f"{lacking} is empty or not set"):
        found(home, environ)
    profile(home, "default", KEYS.format("DEFAULT"))
    assert found(home, environ).source == "profile `default`"


def test_a_profile_that_is_not_there_is_named(home: Path) -> None:
    with pytest.raises(BadCredentials, match="no profile `wrok`"):
        found(home, ENVIRONMENT, Access(profile="wrok"))


def test_a_profile_without_credentials_is_named(home: Path) -> None:
    profile(home, "empty", config="region = eu-west-1\n")
    with pytest.raises(BadCredentials, match="profile `empty` has no credentials"):
        found(home, access=Access(profile="empty"))


@pytest.mark.parametrize("text", ["[default\nkey", "\x00", "nonsense without a section"])
def test_a_broken_file_of_aws_is_named(home: Path, text: str) -> None:
    (home / ".aws" / "credentials").write_text(text)
    with pytest.raises(BadCredentials, match="credentials cannot be read"):
        found(home)


def test_a_machine_with_a_role_is_asked_only_when_nothing_else_says_who_we_are(home: Path) -> None:
    on = {"AWS_EC2_METADATA_DISABLED": "false"}
    assert found(home, on).is_machine and found(home, on).source == "the instance's metadata"
    container = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1/x"}
    assert found(home, container).source == "the container's credentials"
    web = {"AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/reader"}
    assert found(home, web).source == "web identity, role reader"
    assert not found(home, {**on, **ENVIRONMENT}).is_machine


def test_requests_are_not_signed_when_the_person_says_so(home: Path) -> None:
    one = found(home, {"AWS_SKIP_SIGNATURE": "true"})
    assert (one.key, one.provider, one.is_machine) == (None, None, False)


def test_a_profile_that_needs_a_program_or_sso_is_asked_through_boto3(home: Path) -> None:
    answer = json.dumps({"Version": 1, "AccessKeyId": "AKIAPROGRAM00001", "SecretAccessKey": "s", "SessionToken": "t"})
    (home / "give.py").write_text(f"print({answer!r})")
    config = f"credential_process = {sys.executable} {home / 'give.py'}\n"
    profile(home, "program", config=config)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_CONFIG_FILE", str(home / ".aws" / "config"))
        one = found(home, access=Access(profile="program"))
    assert one.provider is not None and one.provider()["access_key_id"] == "AKIAPROGRAM00001"
    assert one.who == "profile `program`" and one.source == "a program named in ~/.aws"


def test_a_program_that_gives_nothing_is_told(home: Path) -> None:
    (home / "give.py").write_text("print('nothing')")
    profile(home, "program", config=f"credential_process = {sys.executable} {home / 'give.py'}\n")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(BadCredentials) as error:
        patch.setenv("AWS_CONFIG_FILE", str(home / ".aws" / "config"))
        found(home, access=Access(profile="program"))
    assert error.value.hint == "aws sts get-caller-identity --profile program"


def test_an_sso_profile_that_is_not_logged_in_says_how_to(home: Path) -> None:
    profile(
        home, "sso",
        config="sso_start_url = https://example.awsapps.com/start\nsso_region = eu-west-1\n"
        "sso_account_id = 123456789012\nsso_role_name = reader\n",
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch, pytest.raises(BadCredentials) as error:
        patch.setenv("AWS_CONFIG_FILE", str(home / ".aws" / "config"))
        found(home, access=Access(profile="sso"))
    assert error.value.hint == "aws sso login --profile sso"


def test_an_sso_profile_without_boto3_says_what_to_install(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profile(home, "sso", config="sso_session = work\n")
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(BadCredentials) as error:
        found(home, access=Access(profile="sso"))
    assert error.value.hint == "pip install 'track-data[sso]'"


def test_of_dotenv_only_what_is_for_a_bucket_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "# a comment\nDATABASE_PASSWORD=hunter2\nexport AWS_ACCESS_KEY_ID='AKIA1'\nAWS_SECRET_ACCESS_KEY=\"s=1 #x\"\n"
        "AWS_REGION = eu-west-1 # near\nAWS_SKIP_SIGNATURE=true\nAWS_CONFIG_FILE=/evil\nnot a line\n"
    )
    assert read_dotenv(tmp_path / ".env") == {
        "AWS_ACCESS_KEY_ID": "AKIA1",
        "AWS_SECRET_ACCESS_KEY": "s=1 #x",
        "AWS_REGION": "eu-west-1",
    }
    assert read_dotenv(tmp_path / "none") == {} and read_dotenv(None) == {}


def test_nothing_that_is_shown_has_a_secret_in_it(home: Path) -> None:
    one = found(home, {**ENVIRONMENT, "AWS_SESSION_TOKEN": "the-token"})
    for text in (repr(one), str(one), one.who, one.source):
        assert "env-secret" not in text and "the-token" not in text and "AKIAENVIRONMENT1" not in text
    assert shortened("AKIAENVIRONMENT1") == "AKIA…ENT1" and shortened("short") == "sh…"
