"""Nothing that comes over UDP makes the RTP and RTCP code raise, and reports read back as they were written."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from workers.fanout.burst import frame_runs, packets_of, runs_of
from workers.rtp import rtcp
from workers.rtp.access_points import AccessPoints
from workers.rtp.packet import is_punch, payload_bytes
from workers.rtp.reception import Reception

RTP_LIKE = st.builds(bytes.__add__, st.binary(min_size=1, max_size=4), st.binary(max_size=80))
RTCP_LIKE = st.lists(
    st.builds(
        lambda first, kind, words, body: bytes([first, kind]) + words.to_bytes(2, "big") + body,
        st.integers(0x80, 0xBF),
        st.integers(190, 225),
        st.integers(0, 9),
        st.binary(max_size=36),
    ),
    max_size=4,
).map(b"".join)
BLOCKS = st.builds(
    rtcp.ReportBlock,
    ssrc=st.integers(0, 2**32 - 1),
    fraction=st.integers(0, 255),
    lost=st.integers(-(2**23), 2**23 - 1),
    highest=st.integers(0, 2**32 - 1),
    jitter=st.integers(0, 2**32 - 1),
    last_report=st.integers(0, 2**32 - 1),
    delay=st.integers(0, 2**32 - 1),
)


CODECS = AccessPoints({0: "H264", 1: "H265", 2: "AV1", 3: "VP8", 4: "VP9", 5: "rtx"})


@given(
    st.sampled_from([b"\x80", b"\x81", b"\x90", b"\xbf"]),
    st.integers(0, 6),
    st.binary(min_size=10),
    st.binary(max_size=80),
)
def test_no_payload_makes_the_search_for_access_points_raise(first: bytes, kind: int, head: bytes, rest: bytes) -> None:
    timestamp, entry = CODECS.look(first + bytes([kind]) + head[:10] + rest)
    assert timestamp == (None if kind == 5 else int.from_bytes(head[2:6], "big"))
    assert not entry or rest or kind == 6


@given(st.one_of(st.binary(max_size=100), RTP_LIKE, RTCP_LIKE))
def test_no_packet_makes_a_parser_raise(packet: bytes) -> None:
    length = payload_bytes(packet)
    assert length is None or 0 <= length <= len(packet) - 12
    is_punch(packet)
    parts = rtcp.split(packet)
    if parts is None:
        return
    assert b"".join(each.data for each in parts) == packet
    for each in parts:
        rtcp.sender(each)
        rtcp.middle_ntp(each)
        rtcp.report_blocks(each)
        rtcp.asks_for_picture(each)


@given(st.integers(0, 2**32 - 1), st.lists(BLOCKS, max_size=31), st.text(max_size=300))
def test_receiver_reports_read_back(ssrc: int, blocks: list[rtcp.ReportBlock], cname: str) -> None:
    parts = rtcp.split(rtcp.receiver_report(ssrc, tuple(blocks), cname))
    assert parts is not None
    assert rtcp.report_blocks(parts[0]) == blocks
    assert rtcp.sender(parts[0]) == ssrc


@given(st.lists(st.lists(st.integers(0, 65_535), min_size=1, max_size=70), max_size=20), st.booleans())
def test_no_order_of_packets_makes_loss_senseless(bursts: list[list[int]], mixed: bool) -> None:
    reception = Reception()
    for at, burst in enumerate(bursts):
        sequences = b"".join(struct.pack("!H", each) for each in burst)
        ssrcs = b"".join(struct.pack("!I", each % 2 if mixed else 7) for each in burst)
        reception.observe(sequences, ssrcs, b"\x80\x60" + sequences[-2:] + bytes(4) + ssrcs[-4:], 90_000, at * 0.6)
        fraction, lost = reception.loss_since_report()
        assert 0 <= fraction <= 255
        assert lost <= 2**23 - 1
        assert reception.lost >= 0
        assert 0 <= reception.highest < 2**32
        assert reception.jitter >= 0


@given(st.lists(st.integers(1, 2000), min_size=1, max_size=200))
def test_bursts_come_apart_as_they_were(lengths: list[int]) -> None:
    packets = [bytes([index % 256]) * length for index, length in enumerate(lengths)]
    runs = runs_of(packets, lengths)
    assert [each for run in runs for each in packets_of(run)] == packets
    assert frame_runs(runs, 1) == b"".join(b"$\x01" + len(each).to_bytes(2, "big") + each for each in packets)
