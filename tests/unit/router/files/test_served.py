"""Files that the settings name become streams, or the start ends."""

from pathlib import Path
from typing import Any, cast

import pytest

from router.connections.listeners import StartError
from router.files import stream
from router.files.errors import FileUnreadable
from router.files.served import serve_files
from router.settings import Settings
from router.streams.streams import StreamServer


class Server:
    """Has settings, which is all that is asked of it here."""

    def __init__(self, files: dict[str, Any]) -> None:
        self.settings = Settings.model_validate({"files": files})


FILES = {"/a": {"file": "/films/a.mp4", "loop": True}, "/b": {"file": "/films/b.mp4", "on_demand": False}}


def test_each_file_becomes_a_stream_as_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def make(server: object, file: Path, path: str, *, loop: bool, on_demand: bool) -> None:
        made.append((server, str(file), path, loop, on_demand))

    monkeypatch.setattr(stream, "FileStream", make)
    server = Server(FILES)
    serve_files(cast("StreamServer", server))
    assert made == [(server, "/films/a.mp4", "/a", True, True), (server, "/films/b.mp4", "/b", False, False)]


def test_one_that_can_not_be_served_ends_the_start_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(server: object, file: Path, path: str, **_: bool) -> None:
        raise FileUnreadable(f"{file}: there is no such file")

    monkeypatch.setattr(stream, "FileStream", make)
    with pytest.raises(StartError, match=r"^/a can't be served: /films/a\.mp4: there is no such file$"):
        serve_files(cast("StreamServer", Server(FILES)))


def test_without_files_nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(stream, "FileStream")
    serve_files(cast("StreamServer", Server({})))
