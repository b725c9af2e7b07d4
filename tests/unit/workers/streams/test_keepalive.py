"""A session's signs of life are told now and then."""

from tests.support.worker_parts import Parts
from workers.contract.events import SessionHeard
from workers.contract.image import ReaderImage
from workers.streams.keepalive import Keepalive


def test_a_sign_is_told_once_in_the_interval() -> None:
    parts, state = Parts(), ReaderImage("s")
    interval_s = parts.resources.settings.life_sign_interval_s
    keepalive = Keepalive(state, parts.resources)
    for now in (100.0, 100.0, 100.0 + interval_s * 0.99):
        keepalive.on_sign(now)
    assert parts.told == [SessionHeard("s")]
    keepalive.on_sign(100.0 + interval_s)
    assert parts.told == [SessionHeard("s")] * 2


def test_the_next_worker_knows_when_it_was_told() -> None:
    first, second, state = Parts(), Parts(), ReaderImage("s")
    Keepalive(state, first.resources).on_sign(0.0)
    Keepalive(state, second.resources).on_sign(0.1)
    assert (len(first.told), len(second.told)) == (1, 0)
