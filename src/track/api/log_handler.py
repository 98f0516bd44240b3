"""The handler that makes events of a run of what the module `logging` is told."""

import logging
from contextlib import suppress
from datetime import UTC, datetime

from track.api.run import Run
from track.api.tolerance import LOGGER


class LogHandler(logging.Handler):
    """Logs records to a run: `logging.getLogger().addHandler(track.LogHandler(run))`.

    Its level and formatter count as for any handler. What track itself says is left out, and nothing that goes wrong
    here reaches the program.
    """

    def __init__(self, run: Run, level: int = logging.NOTSET) -> None:
        """A handler that logs to `run` what has this level or more."""
        super().__init__(level)
        self._run = run

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record, with the time at which it was made."""
        if record.name == LOGGER.name or record.name.startswith(f"{LOGGER.name}."):
            return
        with suppress(Exception):
            self._run.log_event(self.format(record), timestamp=datetime.fromtimestamp(record.created, UTC))
