"""SMTP: how a message is handed in at a mail server."""

import smtplib
import ssl
from collections.abc import Callable
from email.message import EmailMessage

from track.runs.mail import TIMEOUT_S, Post


def hand_in(post: Post, subject: str, text: str) -> None:
    """Hand in one message. Raises as `mail.send`."""
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
