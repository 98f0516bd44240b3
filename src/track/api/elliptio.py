"""What elliptio's users import, by the names they know: `import track.api.elliptio as eio`."""

from track.api.acting import as_user as mock_username
from track.api.handled import Labels
from track.api.handler import Handler

__all__ = ["Handler", "Labels", "mock_username"]
