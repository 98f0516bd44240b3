"""Alerts while a run lives: looked at when they are due, their states in its draft, mail sent once."""

import os
import re
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from track import publish
from track.config import Config
from track.errors import BadConfig, TrackError, UsageError
from track.flows.run_notes import define_alert, read_alert
from track.model.alert import BY_HAND, CRITICAL, EVENT, OK, STATES, Alert, State, look, look_at_events
from track.model.digest import digest_of
from track.model.moments import micros
from track.model.names import display
from track.model.record import Record
from track.model.said import Said
from track.project import Project
from track.runs.journal import Living
from track.runs.mail import TIMEOUT_S, Post, send
from track.runs.spool import Reader, said_bytes

PASSWORD = "TRACK_SMTP_PASSWORD"
"""The variable with the password for the mail server."""

LOOKED_BYTES_S = 1 << 20
"""Commands that log one by one read no more of a spool than this a second to look at alerts."""

Send = Callable[[Post, str, str], None]


def add_alert(project: Project, living: Living, alert: Alert) -> None:
    """Have a living run watched by an alert, which the project keeps under its name.

    Raises:
        Conflict: the project has another alert of that name.
        BadConfig: mail is wanted, and no setting says where it goes.
    """
    if alert.notification == "email":
        post_of(project.config)
    define_alert(project, alert)
    living.edit(lambda draft: replace(draft, alerts={alert.name: OK, **draft.alerts}))


def set_alert(project: Project, living: Living, name: str, state: str, send: Send = send) -> None:
    """Set an alert of a run by hand.

    Raises:
        UsageError: the run has no such alert, or that is no state.
    """
    if state not in STATES:
        raise UsageError(f"not a state of an alert: {display(str(state))}", hint=", ".join(STATES))
    draft = living.record()
    alert = read_alert(project, name) if name in draft.alerts else None
    if alert is None:
        raise _none_such(draft, name)
    tell(post_or_none(project.config), living, living.edit(lambda now: _with(now, {name: state})), [alert], send)


def drop_alert(living: Living, name: str) -> None:
    """Have a living run watched no more by an alert. Raises UsageError when it is not watched by it."""
    draft = living.record()
    if name not in draft.alerts:
        raise _none_such(draft, name)
    living.edit(lambda now: replace(now, alerts={each: state for each, state in now.alerts.items() if each != name}))


def _none_such(draft: Record, name: str) -> UsageError:
    return UsageError(
        f"run {display(draft.name)} has no alert `{display(str(name))}`",
        hint=f"it has {', '.join(map(display, draft.alerts)) or 'none'}",
    )


class Watch:
    """Watches the alerts of one living run; `now` gives the time in µs since 1970."""

    def __init__(
        self, living: Living, alerts: Sequence[Alert], post: Post | None, now: Callable[[], int], send: Send = send
    ) -> None:
        """Watch these alerts of `living`; those by hand are left to hands."""
        self._living = living
        self._alerts = [alert for alert in alerts if alert.type != BY_HAND]
        self._post = post
        self._now = now
        self._send = send
        self._reader = Reader(living)
        draft = living.record()
        began = micros(draft.started)
        self._states = {alert.name: State(began, draft.alerts.get(alert.name, OK)) for alert in self._alerts}
        self._heard_count = 0
        self._next = self._mail_next = 0
        self._mailing: threading.Thread | None = None

    def look(self) -> Record | None:
        """Look at every alert that is due; the draft when one of them has changed. Raises as `Living.edit` does."""
        if not self._alerts or self._now() < self._next:
            return None
        now = self._now()
        self._next = now + 1_000_000
        said = self._reader.read()
        looked = {alert.name: self._look_at(alert, said, now) for alert in self._alerts}
        self._heard_count = len(said.events)
        changed = {name: status for name, status in looked.items() if status is not None}
        draft = self._living.edit(lambda record: _with(record, changed)) if changed else None
        if any(state.status == CRITICAL for state in self._states.values()):
            self._mail(draft, now)
        return draft

    def calls(self, text: str | None) -> bool:
        """Whether the text of an event is what one of the alerts is about."""
        about = (alert for alert in self._alerts if alert.type == EVENT)
        return text is not None and any(re.search(alert.pattern or "", text) for alert in about)

    def _mail(self, draft: Record | None, now: int) -> None:
        """Send what is to be sent, from a thread of its own: nobody waits for a server; once more a minute later."""
        if self._post is None or (draft is None and now < self._mail_next):
            return
        self.finish()
        self._mail_next = now + 60_000_000
        facts = self._post, self._living, draft or self._living.record(), self._alerts, self._send
        self._mailing = threading.Thread(target=tell, args=facts, name="track-mail", daemon=True)
        self._mailing.start()

    def finish(self) -> None:
        """Wait for what is being sent, at most as long as a server may be silent."""
        if self._mailing is not None:
            self._mailing.join(TIMEOUT_S)

    def _look_at(self, alert: Alert, said: Said, now: int) -> str | None:
        before = self._states[alert.name]
        if alert.type == EVENT:
            after = look_at_events(alert, before, (event.text for event in said.events[self._heard_count :]))
        else:
            points = said.metrics.get(alert.metric or "")
            after = look(alert, before, () if points is None else zip(points.stamps, points.values, strict=True), now)
        self._states[alert.name] = after
        return after.status if after.status != before.status else None


def watch_of(project: Project, living: Living) -> Watch:
    """The watch over the alerts that a living run has now; what cannot be read is left out."""
    alerts = []
    for name in living.record().alerts:
        with suppress(TrackError):
            found = read_alert(project, name)
            alerts += [found] if found is not None else []
    return Watch(living, alerts, post_or_none(project.config), lambda: time.time_ns() // 1000)


def look_once(project: Project, living: Living, said: str | None = None, *, is_last: bool = False) -> None:
    """Look at the alerts of a living run that nothing watches all the time; waits for a mail that is sent.

    Each look reads all that the run said. So commands that come one after the other look the less often the longer
    that is, and take no more time for all their looks together than for all the rest; an
    event that an alert is about is looked at whenever it is `said`, and so is all when the look `is_last`.
    """
    if not living.record().alerts:
        return
    watch = watch_of(project, living)
    if _was_looked_at(living) and not is_last and not watch.calls(said):
        return
    watch.look()
    watch.finish()


def _was_looked_at(living: Living) -> bool:
    """Whether somebody looked just now, for what it costs to look; from now on somebody did."""
    mark = living.folder / "looked"
    with suppress(OSError, TrackError):
        try:
            os.close(publish.create(mark))
        except FileExistsError:
            if 0 <= time.time() - mark.stat().st_mtime < said_bytes(living) / LOOKED_BYTES_S:
                return True
            os.utime(mark)
    return False


def tell(post: Post | None, living: Living, draft: Record, alerts: Sequence[Alert], send: Send) -> None:
    """Mail the alerts that went critical, each once in the life of a run whoever looks; a server that is not there
    breaks nothing, and the next look tries again.
    """
    for alert in alerts:
        if post is None or alert.notification != "email" or draft.alerts.get(alert.name) != CRITICAL:
            continue
        mark = living.folder / f"mailed-{digest_of(alert.name.encode()).hex()[:16]}"
        try:
            os.close(publish.create(mark))
        except (OSError, TrackError):
            continue
        text = f"The alert {alert.name!r} ({_why(alert)}) went critical in run {draft.name} ({draft.id}).\n"
        try:
            send(post, f"track: {alert.name} in run {draft.name}", text)
        except (OSError, ValueError):  # the second for a name, address or password that SMTP cannot say
            publish.remove(mark)


def post_of(config: Config) -> Post:
    """Where mail goes, by the settings. Raises BadConfig when they do not say."""
    recipients = tuple(filter(None, re.split(r"[,\s]+", config.text("alerts.email-to") or "")))
    host = config.text("alerts.smtp-host")
    if not recipients or not host:
        raise BadConfig(
            "an alert is to be mailed, and no setting says to whom and through which server",
            hint="track config --user alerts.email-to you@example.org, and alerts.smtp-host",
        )
    return Post(
        host,
        config.number("alerts.smtp-port"),
        config.text("alerts.smtp-security") or "starttls",
        config.text("alerts.email-from") or recipients[0],
        recipients,
        config.text("alerts.smtp-user"),
        os.environ.get(PASSWORD),
    )


def post_or_none(config: Config) -> Post | None:
    """Where mail goes, where the settings say it."""
    with suppress(BadConfig):
        return post_of(config)
    return None


def _why(alert: Alert) -> str:
    if alert.type == EVENT:
        return f"an event matches {alert.pattern!r}"
    if alert.type == BY_HAND:
        return "set by hand"
    limits = alert.threshold if alert.threshold is not None else f"{alert.range_low} to {alert.range_high}"
    return f"{alert.metric} {alert.type} {limits} on average over {alert.window} minutes"


def _with(draft: Record, states: dict[str, str]) -> Record:
    return replace(draft, alerts={**draft.alerts, **states})
