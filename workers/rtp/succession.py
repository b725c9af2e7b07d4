"""A stream that goes on though its publisher is another one: the newcomer's packets are made to follow the old ones.

Readers see one SSRC, sequence numbers without a gap, and a time that has gone on by what passed between the last packet
of the one and the first of the other (RFC 3550 has no way to tell them of a new numbering but another source). What the
publisher is told stays in its own numbers.
"""

import sys
from array import array
from collections.abc import Iterable
from struct import Struct

from workers.contract.image import NtpShift, Offsets, StreamEnd, SuccessionImage
from workers.rtp import rtcp, sequence

LEAST_GAP_S = 0.2
"""How much later the newcomer's first picture is at least: the last one that was sent need not be the last one to be
shown, where pictures are predicted from later ones."""
_LATE_AT_MOST = 100
"""How much earlier than the first packet of a burst one may be that was overtaken; as RFC 3550 A.1's MAX_MISORDER."""
_NUMBERS = Struct("!HII")
_SENDER_INFO = Struct("!QIII")
_TIMES = 1 << 32


def next_time(end: StreamEnd, now: float) -> int:
    """Give the RTP time of a packet that comes now, after a stream that stood there."""
    return (end.rtp_time + int(max(now - end.at, LEAST_GAP_S) * end.clock_rate)) % _TIMES


def share_shift(successions: Iterable[SuccessionImage]) -> None:
    """Let the tracks of one mount have one shift, the largest of theirs."""
    together = list(successions)
    shift = NtpShift(max((each.ntp.shift for each in together), default=0))
    for each in together:
        each.ntp = shift


class Succession:
    """One track's stream from a change of its publisher on."""

    __slots__ = ("_source", "_ssrc", "state")

    def __init__(self, state: SuccessionImage) -> None:
        self.state = state
        self._source = b"" if state.offsets is None else state.offsets.source.to_bytes(4, "big")
        self._ssrc = state.end.ssrc.to_bytes(4, "big")

    @property
    def has_begun(self) -> bool:
        """Whether the newcomer's first packet has come."""
        return self.state.offsets is not None

    def begin(self, first_header: bytes, sequences: bytes, now: float) -> None:
        """Let the newcomer's first packets follow the old ones; `sequences` are all that came together."""
        first = int.from_bytes(first_header[2:4], "big")
        earliest = first
        for at in range(0, len(sequences), 2):
            number = sequences[at] << 8 | sequences[at + 1]
            if 0 < sequence.distance(number, earliest) <= _LATE_AT_MOST:
                earliest = number
        self._source = first_header[8:12]
        end = self.state.end
        first_time = next_time(end, now)
        self.state.offsets = Offsets(
            int.from_bytes(self._source, "big"),
            sequence.distance(earliest, sequence.after(end.sequence)),
            (first_time - int.from_bytes(first_header[4:8], "big")) % _TIMES,
            first_time,
        )

    def shift(self, sequences: bytes, times: bytes, ssrcs: bytes) -> tuple[bytes, bytes, bytes] | None:
        """Give the numbers of a burst as readers are to see them, in the order and form in which they came.

        None if packets of other streams are among them: those are not changed, so each is to be looked at.
        """
        offsets = self.state.offsets
        assert offsets is not None
        count = len(ssrcs) >> 2
        if ssrcs != self._source * count:
            return None
        first = sequences[0] << 8 | sequences[1]
        if sequences == sequence.row(first, count):
            shifted = sequence.row((first + offsets.sequence) & 0xFFFF, count)
        else:
            shifted = _add("H", sequences, offsets.sequence, 0xFFFF)
        if times == times[:4] * count:
            time = (int.from_bytes(times[:4], "big") + offsets.rtp_time) % _TIMES
            shifted_times = time.to_bytes(4, "big") * count
        else:
            shifted_times = _add("I", times, offsets.rtp_time, _TIMES - 1)
        return shifted, shifted_times, self._ssrc * count

    def renumber(self, packet: bytes) -> bytes:
        """Give a packet as readers are to see it; one of another stream is not changed."""
        offsets = self.state.offsets
        if offsets is None or packet[8:12] != self._source:
            return packet
        number, time, _ = _NUMBERS.unpack_from(packet, 2)
        numbers = _NUMBERS.pack(
            (number + offsets.sequence) & 0xFFFF, (time + offsets.rtp_time) % _TIMES, self.state.end.ssrc
        )
        return packet[:2] + numbers + packet[12:]

    def rewrite(self, parts: list[rtcp.Part]) -> bytes:
        """Give the newcomer's compound packet as readers are to see it."""
        return b"".join([self._rewrite_part(each) for each in parts])

    def _rewrite_part(self, part: rtcp.Part) -> bytes:
        state, data = self.state, part.data
        if state.offsets is None or data[4:8] != self._source:
            return data
        data = data[:4] + self._ssrc + data[8:]
        if part.kind != rtcp.SENDER_REPORT or len(data) < 28:
            return data
        ntp, time, packets, octets = _SENDER_INFO.unpack_from(data, 8)
        time = (time + state.offsets.rtp_time) % _TIMES
        if not state.in_step:
            state.in_step = True
            state.ntp.shift = max(state.ntp.shift, self._ntp_behind(ntp, time, state.offsets.first_time))
        info = _SENDER_INFO.pack(
            (ntp + state.ntp.shift) % (1 << 64),
            time,
            (packets + state.end.packets) % _TIMES,
            (octets + state.end.octets) % _TIMES,
        )
        return data[:8] + info + data[28:]

    def _ntp_behind(self, ntp: int, time: int, first_time: int) -> int:
        """Say by how much the newcomer's first packet is too old, by the NTP times of both publishers' reports; below 0
        if it is not."""
        end = self.state.end
        if end.ntp_time is None:
            return 0
        last = end.ntp + _ntp_of(end.rtp_time - end.ntp_time, end.clock_rate)
        first = ntp + _ntp_of(first_time - time, end.clock_rate)
        return last + _ntp_of(int(LEAST_GAP_S * end.clock_rate), end.clock_rate) - first

    def to_publisher(self, feedback: bytes) -> bytes:
        """Give a reader's feedback (RFC 4585 section 6.1) as the publisher is to see it: about its own SSRC."""
        if self.state.offsets is None:
            return feedback
        words = [feedback[at : at + 4] for at in range(0, len(feedback), 4)]
        # The media source; a FIR (RFC 5104 section 4.3.1) names it in each of its entries of two words instead.
        for index in (2, *range(3, len(words), 2)):
            if index < len(words) and words[index] == self._ssrc:
                words[index] = self._source
        return b"".join(words)


def _ntp_of(rtp_time: int, clock_rate: int) -> int:
    """Give a difference of RTP times, which wrap around, as one of NTP times."""
    return ((rtp_time + _TIMES // 2) % _TIMES - _TIMES // 2) * _TIMES // clock_rate


def _add(kind: str, numbers: bytes, offset: int, mask: int) -> bytes:
    """Add to each of some big-endian numbers, modulo `mask` + 1."""
    values = array(kind)
    values.frombytes(numbers)
    if sys.byteorder == "little":
        values.byteswap()
    added = array(kind, [(each + offset) & mask for each in values])
    if sys.byteorder == "little":
        added.byteswap()
    return added.tobytes()
