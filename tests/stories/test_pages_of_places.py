"""What the pages about each kind of place tell people to type works, from nothing, at a real server."""

from pathlib import Path

from support.azurite import CONTAINER, Azure
from support.pages import follow


def test_azure_from_nothing_to_git_push(tmp_path: Path, azure_server: Azure) -> None:
    replaced = {
        "az://our-data/project": f"az://{CONTAINER}/pages/{tmp_path.parent.name}-{tmp_path.name}",
        "http://127.0.0.1:10000/devstoreaccount1": azure_server.endpoint,
    }
    person = {**azure_server.environment, "AZURE_STORAGE_ENDPOINT": azure_server.endpoint}
    follow("azure.md", tmp_path, person, replaced)
