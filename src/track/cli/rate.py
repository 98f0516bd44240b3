"""Rate: the option `--limit-rate` of verbs that move data."""

import click

from track.config import find_key, parse_value
from track.errors import BadConfig, UsageError

_KEY = "transfer.rate"

rate_option = click.option(
    "--limit-rate", "rate", metavar="RATE", help="At most so many bytes a second, such as 10M; 0 for no limit."
)


def rate_flags(rate: str | None) -> dict[str, str]:
    """The setting that the option is, to open a project with.

    Raises:
        UsageError: it is no rate.
    """
    if rate is None:
        return {}
    try:
        parse_value(find_key(_KEY), rate, "--limit-rate")
    except BadConfig as error:
        raise UsageError(error.message, hint="--limit-rate 10M, --limit-rate 512k, or 0 for no limit") from error
    return {_KEY: rate}
