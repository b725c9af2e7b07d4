"""What goes wrong with a publisher's packets, counted by its tracks and told to the front now and then."""

from collections.abc import Callable, Sequence

from workers.contract.events import SessionTrouble
from workers.streams.stream import Stream

TROUBLE_INTERVAL_S = 1.0
"""How often a session's trouble is told: a bad network loses packets all the time, and people read once a second."""


class PublisherLossReport:
    """The trouble of one session. A loss that a late packet makes good meanwhile is none."""

    def __init__(self, session: str, streams: Sequence[Stream], tell: Callable[[SessionTrouble], None]) -> None:
        self._session = session
        self._streams = streams
        self._tell = tell
        self._lost = [each.numbers.reception.lost_so_far for each in streams]
        self._not_rtp, self._wrong_type = self._unusable()
        self._look_at = 0.0

    def _unusable(self) -> tuple[int, int]:
        states = [each.state for each in self._streams]
        return sum(each.not_rtp for each in states), sum(each.wrong_payload_type for each in states)

    def sweep(self, now: float) -> None:
        """Tell what has come since the last time, once that is long enough ago."""
        if now < self._look_at:
            return
        self._look_at = now + TROUBLE_INTERVAL_S
        lost = 0
        for index, stream in enumerate(self._streams):
            before, self._lost[index] = self._lost[index], stream.numbers.reception.lost_so_far
            lost += max(0, self._lost[index] - before)
        not_rtp, wrong_type = self._unusable()
        if lost or not_rtp != self._not_rtp or wrong_type != self._wrong_type:
            self._tell(SessionTrouble(self._session, lost, not_rtp - self._not_rtp, wrong_type - self._wrong_type))
            self._not_rtp, self._wrong_type = not_rtp, wrong_type
