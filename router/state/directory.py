"""Which mount a path leads to."""

from router.rtsp.errors import PeerError
from router.state.mounts import Mount, Mounts


class Directory:
    """Knows the mounts of this node. It is asked in one place of a request's way, and may have to ask elsewhere."""

    def __init__(self, mounts: Mounts) -> None:
        self._mounts = mounts

    async def resolve(self, path: str) -> Mount:
        """Find the mount that readers get at a path.

        Raises:
            PeerError: 404 where nobody publishes.
        """
        mount = self._mounts.get(path)
        if mount is None or not mount.readable:
            raise PeerError(404, f"nobody publishes {path}")
        return mount
