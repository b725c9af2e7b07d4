"""All state of one front, each fact with its owner."""

import time
from dataclasses import dataclass

from router.connections.table import Connections
from router.settings import Settings
from router.state.directory import Directory
from router.state.events import EventDispatcher
from router.state.lifecycle import Lifecycle
from router.state.mounts import Mounts
from router.state.multicast import Multicast
from router.state.sessions import Sessions


@dataclass(frozen=True, slots=True)
class State:
    """For those who need more than one of its parts."""

    settings: Settings
    events: EventDispatcher
    connections: Connections
    sessions: Sessions
    mounts: Mounts
    multicast: Multicast
    lifecycle: Lifecycle
    directory: Directory

    @classmethod
    def of(cls, settings: Settings) -> "State":
        """Make the state of a front that has none yet."""
        limits = settings.limits
        events = EventDispatcher()
        sessions, mounts = Sessions(settings), Mounts(limits.mounts)
        multicast = Multicast(settings, time.monotonic)
        return cls(
            settings=settings,
            events=events,
            connections=Connections(limits.connections, limits.connections_per_host),
            sessions=sessions,
            mounts=mounts,
            multicast=multicast,
            lifecycle=Lifecycle(settings, sessions, mounts, multicast, events),
            directory=Directory(mounts),
        )
