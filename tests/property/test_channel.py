"""ChannelBurst channels: what is written is read, and nothing else gets in or out."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from workers.channel import ChannelError, Kind, decode, encode
from workers.fanout.burst import packets_of, runs_of

PACKETS = st.lists(st.binary(min_size=1, max_size=70), min_size=1, max_size=90)


@given(PACKETS, st.sampled_from(Kind), st.integers(0, 31), st.floats(0, 1e12), st.text("ab1-", max_size=20))
def test_packets_survive(packets: list[bytes], kind: Kind, track: int, ntp: float, session: str) -> None:
    runs = runs_of(packets, [len(each) for each in packets])
    bursts = [decode(each) for each in encode(kind, track, runs, ntp=ntp, session=session)]
    assert [packet for burst in bursts for run in burst.runs for packet in packets_of(run)] == packets
    assert {(each.kind, each.track, each.ntp, each.session) for each in bursts} == {(kind, track, ntp, session)}


@given(st.binary(max_size=200), st.integers(0, 30))
def test_garbage_is_refused_by_name(data: bytes, cut: int) -> None:
    good = encode(Kind.RTP, 0, [(b"abcdef", 4, 2)])[0]
    for message in (data, good[:cut] + data, data[:cut] + good[cut:]):
        with contextlib.suppress(ChannelError):
            burst = decode(message)
            again = encode(
                burst.kind, burst.track, burst.runs, ntp=burst.ntp, session=burst.session, missed=burst.missed
            )
            assert again == [message]
