"""A path leads to a mount that readers may have, or to nobody."""

import asyncio

import pytest

from router.rtsp.errors import PeerError
from router.state.directory import Directory
from router.state.mount_state import MountChange
from router.state.mounts import Mounts
from tests.unit.router.state.people import SDP


def resolve(mounts: Mounts, path: str) -> object:
    return asyncio.run(Directory(mounts).resolve(path))


def test_only_what_is_published_is_found() -> None:
    mounts = Mounts(10)
    mount = mounts.add("/cam", SDP, 0.0)
    for path in ("/cam", "/nobody"):
        with pytest.raises(PeerError, match=f"nobody publishes {path}") as caught:
            resolve(mounts, path)
        assert caught.value.status == 404
    mount.change(MountChange.RECORD, 1.0)
    assert resolve(mounts, "/cam") is mount
    mounts.remove(mount)
    with pytest.raises(PeerError):
        resolve(mounts, "/cam")
