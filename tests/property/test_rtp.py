"""Nothing that comes over UDP makes the RTP and RTCP code raise, and reports read back as they were written."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from workers.contract.image import StreamEnd, SuccessionImage
from workers.fanout.burst import frame_runs, packets_of, runs_of
from workers.rtp import rtcp
from workers.rtp.access_points import AccessPoints
from workers.rtp.packet import is_punch, payload_bytes
from workers.rtp.reception import Reception
from workers.rtp.succession import Succession

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
        assert reception.state.jitter >= 0


@given(st.lists(st.integers(1, 2000), min_size=1, max_size=200))
def test_bursts_come_apart_as_they_were(lengths: list[int]) -> None:
    packets = [bytes([index % 256]) * length for index, length in enumerate(lengths)]
    runs = runs_of(packets, lengths)
    assert [each for run in runs for each in packets_of(run)] == packets
    assert frame_runs(runs, 1) == b"".join(b"$\x01" + len(each).to_bytes(2, "big") + each for each in packets)


@given(
    st.builds(
        StreamEnd,
        ssrc=st.integers(0, 2**32 - 1),
        sequence=st.integers(0, 65535),
        rtp_time=st.integers(0, 2**32 - 1),
        at=st.just(0.0),
        clock_rate=st.sampled_from([8000, 48000, 90000]),
    ),
    st.integers(0, 65535),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(-90, 400), min_size=1, max_size=64),
    st.floats(0.001, 3600),
)
def test_whatever_follows_a_stream_keeps_its_own_order_and_never_jumps_back(
    end: StreamEnd, first: int, time: int, ssrc: int, steps: list[int], gap_s: float
) -> None:
    """Wraps, packets that were overtaken, and packets that came twice; all steps are from the first packet's number."""
    packets = [
        struct.pack("!BBHII", 0x80, 96, (first + step) & 0xFFFF, (time + 3000 * step) & 0xFFFFFFFF, ssrc)
        for step in [0, *steps]
    ]
    sequences, times, ssrcs = (b"".join(each[a:b] for each in packets) for a, b in ((2, 4), (4, 8), (8, 12)))
    made = Succession(SuccessionImage(end))
    made.begin(packets[0], sequences, gap_s)
    seen = [made.renumber(each) for each in packets]
    shifted = made.shift(sequences, times, ssrcs)
    assert shifted == tuple(b"".join(each[a:b] for each in seen) for a, b in ((2, 4), (4, 8), (8, 12)))
    earliest = min(0, *steps)
    for step, each in zip([0, *steps], seen, strict=True):
        number, at, source = struct.unpack_from("!HII", each, 2)
        assert source == end.ssrc
        assert (number - end.sequence - 1) & 0xFFFF == step - earliest
        assert (at - end.rtp_time - 3000 * step) & 0xFFFFFFFF == int(max(gap_s, 0.2) * end.clock_rate)


@given(RTCP_LIKE)
def test_no_report_makes_its_rewriting_raise_or_change_its_length(packet: bytes) -> None:
    made = Succession(SuccessionImage(StreamEnd(1, 2, 3, 0.0, 90_000)))
    made.begin(bytes(8) + packet[4:8] + bytes(4), b"\0\0", 1.0)
    parts = rtcp.split(packet)
    if parts is not None:
        assert len(made.rewrite(parts)) == len(packet)
        assert all(len(made.to_publisher(each.data)) == len(each.data) for each in parts)
