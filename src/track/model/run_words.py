"""The words of records, and what ids and names of runs look like: known without a record."""

from track.model.expressions import expression

CATEGORIES = ("code", "input", "output")
LIVING = ("created", "running")
"""A run that has not ended; its record is a draft, which may change and is never committed."""
LOGS = ("stdout.log", "stderr.log")
"""What the two streams of a command are called among the outputs of its run."""
PACKAGES = ("packages", "conda_packages")
"""Facts of an environment that are the digest of a list."""
ENDED = ("completed", "failed", "terminated", "lost")
"""How a run ended; from then on its record stays as it is."""
HOWS = ("declared", "api", "observed", "mapped", "claimed")
"""How it is known that an artifact was used or made."""

_ID = expression("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_NAME = expression(r"[a-zA-Z0-9\-_ /.:]+")
_FOLDER = expression(r"/|(?:/[a-zA-Z0-9\-_ .:]+)+")


def is_run_id(text: str) -> bool:
    """Whether `text` is the whole id of a run."""
    return _ID.fullmatch(text) is not None


def is_folder(text: str) -> bool:
    """Whether `text` is the folder of a run: `/`, or parts that begin with one slash each."""
    return _FOLDER.fullmatch(text) is not None


def is_run_name(text: str) -> bool:
    """Whether `text` may be the name of a run: letters, digits, blanks and `-_/.:`."""
    return len(text) <= 255 and text == text.strip() and _NAME.fullmatch(text) is not None
