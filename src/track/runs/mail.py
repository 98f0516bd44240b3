"""Mail: how somebody who is not looking hears of an alert, by SMTP."""

import smtplib
import ssl
from collections.abc import Callable
from email.message import EmailMessage
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
    message = EmailMessage()
    message["Subject"] = " ".join(subject.split())
    message["From"] = post.sender
    message["To"] = ", ".join(post.recipients)
    message.set_content(text)
    with _connected(post) as server:
        if post.user is not None:
            server.login(post.user, post.password or "")
        server.send_message(message)


def _connected(post: Post) -> smtplib.SMTP:
    context: Callable[[], ssl.SSLContext] = ssl.create_default_context
    if post.security == "tls":
        return smtplib.SMTP_SSL(post.host, post.port, timeout=TIMEOUT_S, context=context())
    server = smtplib.SMTP(post.host, post.port, timeout=TIMEOUT_S)
    if post.security == "starttls":
        server.starttls(context=context())
    return server
