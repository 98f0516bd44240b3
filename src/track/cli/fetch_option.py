"""The option `--fetch` of verbs that ask; what it does is in `fetching`."""

import click

fetch_option = click.option(
    "--fetch", "fetches", is_flag=True, help="Bring the manifests that are not here from a remote, and no data."
)
