"""Replies at their limits, and one past them."""

import pytest

from tests.unit.workers.contract.wire import arrived
from workers.contract.codec import UnreadableMessage
from workers.contract.messages import Reply
from workers.contract.parts import Refusal, RtpInfo
from workers.contract.replies import Entangled, Exported, MountOpened, Playing, ReaderSetUp, Refused

INFO = RtpInfo(0, None, None)


@pytest.mark.parametrize(
    ("limit", "past"),
    [
        (MountOpened((65_535,) * 32), MountOpened((0,) * 33)),
        (MountOpened((65_535,)), MountOpened((65_536,))),
        (ReaderSetUp(2**32 - 1), ReaderSetUp(2**32)),
        (ReaderSetUp(0), ReaderSetUp(-1)),
        (Playing((INFO,) * 32), Playing((INFO,) * 33)),
        (Exported(b"", ("/a",) * 100_000, (), 0), Exported(b"", ("/a",) * 100_001, (), 0)),
        (Exported(b"", (), ("c",) * 100_000, 0), Exported(b"", (), ("c",) * 100_001, 0)),
        (Entangled(("/a",) * 100_000, ()), Entangled(("/a",) * 100_001, ())),
        (Entangled((), ("c",) * 100_000), Entangled((), ("c",) * 100_001)),
        (Refused(Refusal.FAILED, "r" * 1024), Refused(Refusal.FAILED, "r" * 1025)),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_reply_at_its_limit_arrives_and_one_past_it_does_not(limit: Reply, past: Reply) -> None:
    assert arrived(limit) == limit
    with pytest.raises(UnreadableMessage):
        arrived(past)


@pytest.mark.parametrize("cause", Refusal)
def test_a_refusal_keeps_its_cause(cause: Refusal) -> None:
    reply = arrived(Refused(cause, "why"))
    assert isinstance(reply, Refused)
    assert reply.cause is cause
