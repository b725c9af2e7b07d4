"""RTCP as a sign of a session's life: told to the front now and then, not for every packet."""

from workers.contract.events import SessionHeard
from workers.contract.image import PublisherImage, ReaderImage
from workers.runtime.resources import Resources


class Keepalive:
    """The signs of one session."""

    def __init__(self, state: ReaderImage | PublisherImage, resources: Resources) -> None:
        self._state = state
        self._resources = resources

    def on_sign(self, now: float) -> None:
        """The session lives."""
        told_at = self._state.told_at
        if told_at is None or now - told_at >= self._resources.settings.life_sign_interval_s:
            self._state.told_at = now
            self._resources.tell(SessionHeard(self._state.session))
