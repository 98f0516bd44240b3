"""Mail: how somebody who is not looking hears of an alert, by SMTP; what speaks that is loaded with the first."""

from importlib import import_module
from typing import NamedTuple

TIMEOUT_S = 10.0


class Post(NamedTuple):
    """Where mail is handed in, as whom, and for whom. `security` is `none`, `starttls` or `tls`."""

    host: str
    port: int
    security: str
    sender: str
    recipients: tuple[str, ...]
    user: str | None = None
    password: str | None = None


def send(post: Post, subject: str, text: str) -> None:
    """Hand in one message. Raises OSError, which an SMTP server's refusal is too, within 10 s of silence."""
    import_module("track.runs.smtp").hand_in(post, subject, text)
