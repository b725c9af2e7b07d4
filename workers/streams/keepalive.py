"""RTCP as a sign of a session's life: told to the front now and then, not for every packet."""

from workers.contract.events import SessionHeard
from workers.runtime.resources import Resources


class Keepalive:
    """The signs of one session."""

    def __init__(self, session: str, resources: Resources) -> None:
        self._session = session
        self._resources = resources
        self.told_at: float | None = None

    def hear(self, now: float) -> None:
        """Take note of a sign of life."""
        if self.told_at is None or now - self.told_at >= self._resources.settings.life_sign_interval_s:
            self.told_at = now
            self._resources.tell(SessionHeard(self._session))
