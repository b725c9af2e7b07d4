"""What goes wrong with a publisher's packets, counted by its tracks and told to the front now and then."""

from collections.abc import Callable, Sequence

from workers.contract.events import SessionTrouble
from workers.streams.track import Track

TROUBLE_INTERVAL_S = 1.0
"""How often a session's trouble is told: a bad network loses packets all the time, and people read once a second."""


class PublisherLossReport:
    """The trouble of one session. A loss that a late packet makes good meanwhile is none."""

    def __init__(self, session: str, tracks: Sequence[Track], tell: Callable[[SessionTrouble], None]) -> None:
        self._session = session
        self._tracks = tracks
        self._tell = tell
        self._lost = [each.reception.lost for each in tracks]
        self._not_rtp = sum(each.not_rtp for each in tracks)
        self._wrong_type = sum(each.wrong_payload_type for each in tracks)
        self._look_at = 0.0

    def sweep(self, now: float) -> None:
        """Tell what has come since the last time, once that is long enough ago."""
        if now < self._look_at:
            return
        self._look_at = now + TROUBLE_INTERVAL_S
        lost = 0
        for index, track in enumerate(self._tracks):
            before, self._lost[index] = self._lost[index], track.reception.lost
            lost += max(0, self._lost[index] - before)
        not_rtp = sum(each.not_rtp for each in self._tracks)
        wrong_type = sum(each.wrong_payload_type for each in self._tracks)
        if lost or not_rtp != self._not_rtp or wrong_type != self._wrong_type:
            self._tell(SessionTrouble(self._session, lost, not_rtp - self._not_rtp, wrong_type - self._wrong_type))
            self._not_rtp, self._wrong_type = not_rtp, wrong_type
