"""Bad weather between a client and a server that speaks HTTP: a seeded fault for so many requests in a hundred.

What happens to a request depends on the seed, the request, and how often the same was made before: never on the order
in which threads come, so that a seed can be run again.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from support.servers import LOST, Answer, Request, s3_error

WRITES = ("PUT", "POST", "DELETE")
SILENCE_S = 1.5
"""For so long a server says nothing; the client has to be less patient."""
Asking = Callable[..., Answer]


class Fault(NamedTuple):
    """One thing that can happen; `to` says to which requests."""

    name: str
    to: Callable[[Request], bool]
    happen: Callable[["Weather", Request, Asking], Answer]


def is_listing(request: Request) -> bool:
    return request.method == "GET" and "list-type=" in request.path


def has_body_back(request: Request) -> bool:
    return request.method == "GET"


class Weather:
    """`share` of all requests meet a fault; `met` counts which, by name."""

    def __init__(self, seed: int, share: float = 0.2, only: tuple[str, ...] = ()) -> None:
        self.seed, self.share = seed, share
        self.faults = [fault for fault in FAULTS if not only or fault.name in only]
        self.met: Counter[str] = Counter()
        self.listings: dict[str, Answer] = {}
        self._times: Counter[tuple[str, str, bytes]] = Counter()
        self._lock = threading.Lock()

    def __call__(self, request: Request, ask: Asking) -> Answer | None:
        """What the client is told instead of the server's answer; None when the request meets nothing."""
        name = (request.method, request.path, request.body[:64])
        with self._lock:
            self._times[name] += 1
            source = random.Random(f"{self.seed} {name} {self._times[name]}")
        if source.random() >= self.share:
            return self._remembered(request, ask) if is_listing(request) else None
        fault = source.choice([fault for fault in self.faults if fault.to(request)])
        with self._lock:
            self.met[fault.name] += 1
        return fault.happen(self, request, ask)

    @property
    def faults_count(self) -> int:
        """How many requests met a fault."""
        return sum(self.met.values())

    def _remembered(self, request: Request, ask: Asking) -> Answer:
        """The true listing; the first one of each is what a stale one will be."""
        answer = ask()
        if answer.status == 200:
            self.listings.setdefault(request.path, answer)
        return answer


def _busy(weather: Weather, request: Request, ask: Asking) -> Answer:
    answer = s3_error("SlowDown", 503)
    return answer._replace(headers=(*answer.headers, ("Retry-After", "1")))


def _silent(weather: Weather, request: Request, ask: Asking) -> Answer:
    time.sleep(SILENCE_S)
    return LOST


def _lost(weather: Weather, request: Request, ask: Asking) -> Answer:
    ask()
    return LOST


def _cut(weather: Weather, request: Request, ask: Asking) -> Answer:
    """The body breaks off before the length that was announced."""
    answer = ask()
    return answer._replace(cut=len(answer.body) // 2)


def _short(weather: Weather, request: Request, ask: Asking) -> Answer:
    """The body is short, by another piece each time, and the length says that it is all."""
    answer = ask()
    end = len(answer.body) * 2 // 3 - weather.faults_count % 64
    return answer._replace(body=answer.body[: max(0, end)])


def _long(weather: Weather, request: Request, ask: Asking) -> Answer:
    """The length says more than there is."""
    answer = ask()
    return answer._replace(
        headers=(*answer.headers, ("Content-Length", str(len(answer.body) + 9))), cut=len(answer.body)
    )


def _flipped(weather: Weather, request: Request, ask: Asking) -> Answer:
    answer = ask()
    return answer._replace(body=_with_a_bit_flipped(answer.body, weather))


def _flipped_there(weather: Weather, request: Request, ask: Asking) -> Answer:
    """What the server receives is not what was sent."""
    return ask(request._replace(body=_with_a_bit_flipped(request.body, weather)))


def _stale(weather: Weather, request: Request, ask: Asking) -> Answer:
    """The listing as it was when it was asked for first."""
    return weather.listings.get(request.path) or ask()


def _with_a_bit_flipped(body: bytes, weather: Weather) -> bytes:
    """Another bit each time, as lines do it: what comes altered the same three times would be believed."""
    if not body:
        return body
    altered = bytearray(body)
    altered[(weather.seed + weather.faults_count) * 7919 % len(body)] ^= 0x04
    return bytes(altered)


FAULTS = (
    Fault("500", lambda _: True, lambda weather, request, ask: s3_error("InternalError", 500)),
    Fault("503", lambda _: True, _busy),
    Fault("reset", lambda _: True, lambda weather, request, ask: LOST),
    Fault("silence", lambda _: True, _silent),
    Fault("lost reply", lambda request: request.method in WRITES, _lost),
    Fault("cut", has_body_back, _cut),
    Fault("short", lambda request: has_body_back(request) and not is_listing(request), _short),
    Fault("long", has_body_back, _long),
    Fault("flipped", lambda request: has_body_back(request) and not is_listing(request), _flipped),
    Fault("flipped there", lambda request: request.method == "PUT", _flipped_there),
    Fault("stale", is_listing, _stale),
)
"""Bodies of listings are not flipped: they have no digest, and a name that is none of ours is passed over."""
