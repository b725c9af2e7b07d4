"""Whose figures workers tell: each is taken by the mount, replica or session that it is of."""

from router.state.mounts import Mounts
from router.state.sessions import Sessions
from workers.contract.reports import MountFigures, MountReport


def take_figures(mounts: Mounts, sessions: Sessions, told: MountFigures) -> None:
    """Take what a worker says of a mount or replica that it has; it may be closed by now."""
    place = mounts.place(told.path)
    if place is None or place.generation != told.generation:
        return
    place.figures.take(told.tracks)
    for name, packets in told.readers:
        session = sessions.get(name)
        if session is not None and session.place is place:  # an owner knows readers of its replicas too
            session.sent.take(packets)


def of_report(state: MountReport) -> MountFigures:
    """Give the figures of a mount in a report."""
    readers = tuple((each.session, each.packets_out) for each in state.readers)
    return MountFigures(state.path, state.generation, state.tracks, readers)
