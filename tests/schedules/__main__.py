"""Runs schedules: `PYTHONHASHSEED=0 python -m tests.schedules --count 10000`; one again: `--seed N --show`."""

import argparse
import os
import random
import secrets
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from tests.schedules import world
from tests.schedules.world import World, failures

from track.flows import collecting
from track.flows.copies import Roots, There, held_there
from track.store import assembly, claim, deleting, receive, remote, salt, sparing, survey, transfer, writer
from track.store.remote import Remote

STEPS = 40


def main() -> int:
    """Run what was asked for; 1 as soon as a schedule loses something, with the command that runs it again."""
    options = argparse.ArgumentParser(prog="python -m tests.schedules")
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--count", type=int, default=500)
    options.add_argument("--seed", type=int, help="only this one")
    options.add_argument("--steps", type=int, default=STEPS)
    parts = ["roots", "index", "word", "copies", "policies", "recipes"]
    options.add_argument("--without", choices=parts, help="a careless collection: what is found")
    options.add_argument("--sealed", action="store_true", help="at an encrypted remote")
    options.add_argument("--past", action="store_true", help="branches grow, and one client gives up their past")
    options.add_argument("--show", action="store_true", help="say what happened in it")
    given = options.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":  # or sets would be walked in another order each time
        os.execve(sys.executable, [sys.executable, "-m", "tests.schedules", *sys.argv[1:]],
                  {**os.environ, "PYTHONHASHSEED": "0"})  # fmt: skip
    seeds = [given.seed] if given.seed is not None else range(given.first, given.first + given.count)
    began = time.monotonic()
    with _careless(given.without):
        for count, seed in enumerate(seeds):
            if count and not count % 500:
                print(f"{count} schedules so far, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
            if (
                problem := run(seed, given.steps, show=given.show, is_sealed=given.sealed, is_past=given.past)
            ) is not None:
                print(problem)
                again = f"--seed {seed} --steps {given.steps} --show{' --sealed' if given.sealed else ''}"
                again += " --past" if given.past else ""
                print(f"PYTHONHASHSEED=0 {sys.executable} -m tests.schedules {again}")
                return 1
    print(f"{len(seeds)} schedules of {given.steps} steps in {time.monotonic() - began:.0f} s: nothing needed was lost")
    return 0


@contextmanager
def _ruled_by(ruled: World) -> Iterator[None]:
    """Clocks and pauses are the world's, and what follows a look at a mark follows at once; for the block alone."""
    with ExitStack() as patches:
        for module in (claim, deleting, remote):
            patches.enter_context(mock.patch.object(module, "since_boot", lambda: ruled.server.now))
        for module in (deleting, remote):
            patches.enter_context(mock.patch.object(module, "pause", lambda seconds: ruled.current().pause(seconds)))
        for kind in (claim.Claim, deleting.Mark):
            patches.enter_context(mock.patch.object(kind, "keep", _hurrying(kind.keep, ruled)))
        yield


@contextmanager
def _careless(part: str | None) -> Iterator[None]:
    """A collection without one part of its protocol, to see that the schedules notice."""
    with ExitStack() as patches:
        if part == "roots":
            patches.enter_context(mock.patch.object(collecting.Collecting, "_counts", lambda *_: False))
        elif part == "index":
            patches.enter_context(mock.patch.object(deleting, "drop_from_index", lambda *_, **__: 0))
        elif part == "word":  # whoever lets go of a copy does not say that the other one is needed
            patches.enter_context(mock.patch.object(world, "held_there", _held_without_a_word))
        elif part == "copies":  # whoever gives up the past does not look for other copies
            patches.enter_context(mock.patch.object(world, "hold_back", lambda *_, **__: frozenset()))
        elif part == "recipes":  # what recipes outside of them name goes, too
            patches.enter_context(mock.patch.object(sparing, "live_recipes", lambda *_: ()))
        elif part == "policies":  # one clone's policy is for all
            patches.enter_context(mock.patch.object(collecting.Collecting, "_policies", lambda *_: {}))
        yield


def _held_without_a_word(remote: Remote, objects: set[bytes], _: Roots, **options: Any) -> There:
    return held_there(remote, objects, {}, **options)


def _hurrying(keep: Callable[[Any], None], ruled: World) -> Callable[[Any], None]:
    def kept(holder: Any) -> None:
        keep(holder)
        ruled.current().is_hurried = True

    return kept


def run(seed: int, steps: int, *, show: bool, is_sealed: bool = False, is_past: bool = False) -> str | None:
    """Run one schedule; what went wrong, or nothing."""
    source = random.Random(seed + 1)
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="track-schedules-", dir=memory if memory.is_dir() else None))
    ruled = None
    with (
        mock.patch.object(survey, "THREADS", 1),
        mock.patch.object(transfer, "_IN_FLIGHT", 1),
        mock.patch.object(receive, "_IN_FLIGHT", 1),
        mock.patch.object(assembly, "_IN_FLIGHT", 1),
        mock.patch.object(receive, "SMALL", world.LARGE),
        mock.patch.object(writer, "SMALL", world.LARGE),
        mock.patch.object(secrets, "token_hex", lambda size=32: source.randbytes(size).hex()),
        mock.patch.object(salt.os, "urandom", source.randbytes),
    ):
        try:
            ruled = World(seed, folder, is_sealed=is_sealed, is_past=is_past)
            with _ruled_by(ruled):
                ruled.run(steps)
                ruled.settle()
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            lines = [*(ruled.log if ruled is not None else ()), *failures(error)]
            if show:
                lines += traceback.format_exception(error)
            return f"seed {seed}: " + "\n".join(lines if show else lines[-3:])
        finally:
            if ruled is not None:
                ruled.close()
    if show:
        print("\n".join(ruled.log))
    return None


if __name__ == "__main__":
    sys.exit(main())
