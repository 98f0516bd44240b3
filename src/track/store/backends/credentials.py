"""Who we are to a bucket: found where every other tool finds it, and named without telling a secret.

In order: a profile that was chosen for the remote, the environment, `.env` beside the project, the profile of
`AWS_PROFILE` or `default`, then what the machine itself is allowed (a web identity, a container's or an instance's
role), which the client asks for when it needs it.
"""

import configparser
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from track.errors import BadCredentials
from track.model.names import display
from track.store.address import Access, Bucket
from track.store.backends.dotenv import VARIABLES, read_dotenv, text_of
from track.store.backends.s3_failure import no_credentials

_INDIRECT = ("sso_session", "sso_start_url", "role_arn", "credential_process", "web_identity_token_file")


class Key(NamedTuple):
    """An access key, its secret, and the token of a session. `repr` never shows what is secret."""

    id: str
    secret: str
    token: str | None = None

    def __repr__(self) -> str:
        """The key's name, shortened."""
        return f"Key({shortened(self.id)})"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where to go and as whom. One of `key`, `provider` and `is_machine` holds, or nothing is signed at all.

    `provider` is an object that the client calls for fresh keys; `who` and `source` are for people.
    """

    endpoint: str | None
    region: str
    who: str
    source: str
    key: Key | None = None
    provider: Any = None
    is_machine: bool = False


class _Surroundings(NamedTuple):
    """What can be read here: the environment, `.env`, and the chosen profile with its name."""

    environ: Mapping[str, str]
    dotenv: Mapping[str, str]
    profile_name: str
    is_chosen: bool
    profile: Mapping[str, str]

    def first(self, *names: str) -> str | None:
        """The first of the variables that is set, in the environment before `.env`."""
        for place in (self.environ, self.dotenv):
            for name in names:
                if place.get(name):
                    return place[name]
        return None


def find_credentials(access: Access, url: str, environ: Mapping[str, str] | None = None) -> Credentials:
    """Who we are to the bucket at `url`, and where that was said; nothing is asked over a network, SSO apart.

    Raises:
        BadCredentials: nothing says who we are, a profile is not there, or it needs a library that is not installed.
    """
    here = _surroundings(access, os.environ if environ is None else environ)
    endpoint = _endpoint(access, here)
    region = access.region or here.first("AWS_REGION", "AWS_DEFAULT_REGION") or here.profile.get("region")

    def made(who: str, source: str, **how: Any) -> Credentials:
        return Credentials(endpoint, region or "us-east-1", who, source, **how)

    if not here.is_chosen:
        if here.first("AWS_SKIP_SIGNATURE") in ("1", "true", "True"):
            return made("nobody (requests are not signed)", "AWS_SKIP_SIGNATURE")
        for variables, source in ((here.environ, "the environment"), (here.dotenv, ".env")):
            if key := _key(variables, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
                return made(f"access key {shortened(key.id)}", source, key=key)
    name = display(here.profile_name)
    if key := _key(here.profile, "aws_access_key_id", "aws_secret_access_key", "aws_session_token"):
        return made(f"access key {shortened(key.id)}", f"profile `{name}`", key=key)
    if any(here.profile.get(mark) for mark in _INDIRECT):
        return made(f"profile `{name}`", _kind(here.profile), provider=_boto3_provider(here, url))
    if here.is_chosen:
        raise BadCredentials(f"profile `{name}` has no credentials", hint=f"aws configure --profile {name}")
    _refuse_halves(here.environ)
    if machine := _machine(here.environ):
        return made("the role of this machine", machine, is_machine=True)
    raise no_credentials(url)


def server_of(address: Bucket, access: Access, environ: Mapping[str, str]) -> str:
    """The server that the bucket is asked of, as far as it is not the provider's own. Raises BadCredentials."""
    return _endpoint(access, _surroundings(access, environ)) or ""


def _endpoint(access: Access, here: _Surroundings) -> str | None:
    return access.endpoint or here.first(*VARIABLES[Bucket].endpoints) or here.profile.get("endpoint_url")


def shortened(key_id: str) -> str:
    """An access key's name, as much of it as tells keys apart."""
    return display(f"{key_id[:4]}…{key_id[-4:]}" if len(key_id) >= 12 else f"{key_id[:2]}…")


def _surroundings(access: Access, environ: Mapping[str, str]) -> _Surroundings:
    dotenv = read_dotenv(access.dotenv)
    chosen = access.profile
    name = chosen or environ.get("AWS_PROFILE") or dotenv.get("AWS_PROFILE") or "default"
    profile = _read_profile(name, environ)
    if profile is None and name != "default":
        raise BadCredentials(
            f"there is no profile `{display(name)}` in ~/.aws",
            hint=f"aws configure --profile {display(name)}   or: track config --clone remote.NAME.profile PROFILE",
        )
    has_key = bool(environ.get("AWS_ACCESS_KEY_ID") or dotenv.get("AWS_ACCESS_KEY_ID"))
    return _Surroundings(environ, dotenv, name, bool(chosen) or (name != "default" and not has_key), profile or {})


def _read_profile(name: str, environ: Mapping[str, str]) -> dict[str, str] | None:
    home = Path(environ.get("HOME") or os.path.expanduser("~")) / ".aws"
    config = Path(environ.get("AWS_CONFIG_FILE") or home / "config")
    secrets = Path(environ.get("AWS_SHARED_CREDENTIALS_FILE") or home / "credentials")
    section = "default" if name == "default" else f"profile {name}"
    parts = [each for each in (_section(config, section), _section(secrets, name)) if each is not None]
    return {key: value for part in parts for key, value in part.items()} if parts else None


def _section(path: Path, name: str) -> dict[str, str] | None:
    parser = configparser.RawConfigParser(default_section="\0", strict=False)
    try:
        parser.read_string(text_of(path))
    except configparser.Error as error:
        raise BadCredentials(f"{display(str(path))} cannot be read: it is not a configuration file of AWS") from error
    return dict(parser[name]) if parser.has_section(name) else None


def _key(values: Mapping[str, str], name: str, secret: str, token: str) -> Key | None:
    if not values.get(name) or not values.get(secret):
        return None
    return Key(values[name].strip(), values[secret].strip(), values.get(token, "").strip() or None)


def _kind(profile: Mapping[str, str]) -> str:
    if profile.get("sso_session") or profile.get("sso_start_url"):
        return "single sign-on"
    if profile.get("role_arn"):
        return f"role {display(profile['role_arn'].rpartition('/')[2])}"
    return "a program named in ~/.aws" if profile.get("credential_process") else "a web identity"


def _refuse_halves(environ: Mapping[str, str]) -> None:
    """Refuse half a key in the environment: the client would stumble over it. Raises BadCredentials."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    if any(name in environ for name in names):
        lacking = next(name for name in names if not environ.get(name))
        raise BadCredentials(
            f"{lacking} is empty or not set, but its other half is there", hint=f"set {lacking}   or unset both"
        )


def _machine(environ: Mapping[str, str]) -> str | None:
    """What may say who this machine is, if anything may."""
    if environ.get("AWS_WEB_IDENTITY_TOKEN_FILE") and environ.get("AWS_ROLE_ARN"):
        return f"web identity, role {display(environ['AWS_ROLE_ARN'].rpartition('/')[2])}"
    if environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") or environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        return "the container's credentials"
    if environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return None
    return "the instance's metadata"


def _boto3_provider(here: _Surroundings, url: str) -> Any:
    """What asks boto3 for keys of a profile that has none of its own. Loaded only then: it takes 0.14 s."""
    profile = here.profile_name
    is_sso = bool(here.profile.get("sso_session") or here.profile.get("sso_start_url"))
    try:
        boto3, providers = import_module("boto3"), import_module("obstore.auth.boto3")
    except ImportError as error:
        raise BadCredentials(
            f"profile `{display(profile)}` gets its credentials by single sign-on, a role or a program: "
            "that needs boto3, which is not installed",
            hint="pip install 'track-data[sso]'",
        ) from error
    try:
        provider = providers.Boto3CredentialProvider(boto3.Session(profile_name=profile))
        provider()
    except Exception as error:  # boto3 raises whatever went wrong below it; all of it means: no credentials
        raise BadCredentials(
            f"profile `{display(profile)}` gives no credentials for {url}",
            hint=f"aws {'sso login' if is_sso else 'sts get-caller-identity'} --profile {display(profile)}",
            details=(display(str(error)[:300]),),
        ) from error
    return provider
