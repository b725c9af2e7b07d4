"""The files that the settings name, as streams of a server."""

from __future__ import annotations

from router.connections.listeners import StartError
from router.files.errors import FileError
from router.streams.streams import StreamServer


def serve_files(server: StreamServer) -> None:
    """Make a stream of each file.

    Raises:
        StartError: one can't be served.
    """
    for path, each in server.settings.files.items():
        from router.files.stream import FileStream  # the extra that it needs need not be installed

        try:
            FileStream(server, each.file, path, loop=each.loop, on_demand=each.on_demand)
        except FileError as error:
            raise StartError(f"{path} can't be served: {error}") from error
