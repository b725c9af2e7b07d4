"""The taps of all mounts whose sessions this program hears or writes to: made when first wanted."""

import asyncio
import threading

from router.state.events import EventDispatcher, MountEnded, SessionEnded
from router.state.mounts import Mount
from router.streams.tap import MountTap


class Taps:
    """One tap for each mount that has one."""

    def __init__(self) -> None:
        self._taps: dict[Mount, MountTap] = {}
        self._making = threading.Lock()
        """Sync handlers ask from threads of their own."""
        self.loop: asyncio.AbstractEventLoop | None = None
        """The server's, once it runs."""

    def subscribe(self, events: EventDispatcher) -> None:
        """Hear which sessions and mounts end."""
        events.subscribe(SessionEnded, self._session_ended)
        events.subscribe(MountEnded, self._mount_ended)

    def get(self, mount: Mount) -> MountTap | None:
        return self._taps.get(mount)

    def on(self, mount: Mount) -> MountTap:
        with self._making:
            tap = self._taps.get(mount)
            if tap is None:
                assert self.loop is not None  # no session, no tap before the server runs
                tap = self._taps[mount] = MountTap(mount, self.loop)
            return tap

    def _session_ended(self, event: SessionEnded) -> None:
        if (tap := self._taps.get(event.session.mount)) is not None:
            tap.forget(event.session.id)

    def _mount_ended(self, event: MountEnded) -> None:
        if (tap := self._taps.pop(event.mount, None)) is not None:
            tap.close()
