"""Options that stand for a setting while a command runs: `--limit-rate` of verbs that move data, and those of gc."""

from importlib import import_module

import click

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
    return setting_flag(_KEY, "--limit-rate", rate, hint="--limit-rate 10M, --limit-rate 512k, or 0 for no limit")


def setting_flag(key: str, option: str, text: str | None, *, hint: str) -> dict[str, str]:
    """The setting that an option is, to open a project with.

    Raises:
        UsageError: it is none; the hint says what would be one.
    """
    if text is None:
        return {}
    try:
        config = import_module("track.config")
        config.parse_value(config.find_key(key), text, option)
    except BadConfig as error:
        raise UsageError(error.message, hint=hint) from error
    return {key: text}
