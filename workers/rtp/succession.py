"""A stream that goes on though its publisher is another one: the newcomer's packets are made to follow the old ones.

Readers see one SSRC, sequence numbers without a gap, and a time that has gone on by what passed between the last packet
of the one and the first of the other (RFC 3550 has no way to tell them of a new numbering but another source). What the
publisher is told stays in its own numbers.
"""

import sys
from array import array
from dataclasses import dataclass
from struct import Struct

from workers.contract.image import SuccessionImage
from workers.rtp import rtcp, sequence

LEAST_GAP_S = 0.2
"""How much later the newcomer's first picture is at least: the last one that was sent need not be the last one to be
shown, where pictures are predicted from later ones."""
_LATE_AT_MOST = 100
"""How much earlier than the first packet of a burst one may be that was overtaken; as RFC 3550 A.1's MAX_MISORDER."""
_NUMBERS = Struct("!HII")
_SENDER_INFO = Struct("!QIII")
_TIMES = 1 << 32


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """Where a stream stood when its publisher was gone, in the numbers that readers saw.

    `at` is when the last packet came, in monotonic seconds of this machine. The last sender report has said that `ntp`,
    of 64 bits, is the same instant as the RTP time `ntp_time`, with its counts; that is None where there was none.
    """

    ssrc: int
    sequence: int
    rtp_time: int
    at: float
    clock_rate: int
    ntp: int = 0
    ntp_time: int | None = None
    packets: int = 0
    octets: int = 0

    def next_time(self, now: float) -> int:
        """Give the RTP time of a packet that comes now."""
        return (self.rtp_time + int(max(now - self.at, LEAST_GAP_S) * self.clock_rate)) % _TIMES


@dataclass(frozen=True, slots=True)
class Offsets:
    """What is added to the numbers of the stream `source`; `first_time` is when it begins, as readers see it."""

    source: int
    sequence: int
    rtp_time: int
    first_time: int


@dataclass(slots=True)
class NtpShift:
    """What is added to the newcomer's NTP times, the same for all tracks so that they stay in step.

    It is 0 unless its first picture would be older than the last one before: as where a camera has lost the time.
    Players that go by NTP would not show it.
    """

    shift: int = 0

    def need(self, shift: int) -> None:
        """Add so much at least."""
        self.shift = max(self.shift, shift)


class Succession:
    """One track's stream from a change of its publisher on; `offsets` are None before the newcomer's first packet."""

    def __init__(self, end: StreamEnd, ntp: NtpShift, offsets: Offsets | None = None) -> None:
        self.end = end
        self.ntp = ntp
        self.offsets = offsets
        self.in_step = False
        """Whether `ntp` is enough for this track."""
        self.held: bytes | None = None
        """The newcomer's last report, which came before its first packet: its times can't be told yet."""
        self._source = b"" if offsets is None else offsets.source.to_bytes(4, "big")
        self._ssrc = end.ssrc.to_bytes(4, "big")

    def image(self) -> SuccessionImage:
        """Say all that is known, for another worker."""
        end, offsets = self.end, self.offsets
        return SuccessionImage(
            ssrc=end.ssrc,
            sequence=end.sequence,
            rtp_time=end.rtp_time,
            at=end.at,
            clock_rate=end.clock_rate,
            ntp=end.ntp,
            ntp_time=end.ntp_time,
            packets=end.packets,
            octets=end.octets,
            source=None if offsets is None else offsets.source,
            sequence_offset=0 if offsets is None else offsets.sequence,
            rtp_time_offset=0 if offsets is None else offsets.rtp_time,
            first_time=0 if offsets is None else offsets.first_time,
            ntp_shift=self.ntp.shift,
            in_step=self.in_step,
            held=self.held,
        )

    @classmethod
    def of(cls, image: SuccessionImage, ntp: NtpShift) -> "Succession":
        """Go on where another worker has stopped."""
        end = StreamEnd(
            image.ssrc,
            image.sequence,
            image.rtp_time,
            image.at,
            image.clock_rate,
            image.ntp,
            image.ntp_time,
            image.packets,
            image.octets,
        )
        offsets = None
        if image.source is not None:
            offsets = Offsets(image.source, image.sequence_offset, image.rtp_time_offset, image.first_time)
        ntp.need(image.ntp_shift)
        made = cls(end, ntp, offsets)
        made.held, made.in_step = image.held, image.in_step
        return made

    def begin(self, first_header: bytes, sequences: bytes, now: float) -> None:
        """Let the newcomer's first packets follow the old ones; `sequences` are all that came together."""
        first = int.from_bytes(first_header[2:4], "big")
        earliest = first
        for at in range(0, len(sequences), 2):
            number = sequences[at] << 8 | sequences[at + 1]
            if 0 < sequence.distance(number, earliest) <= _LATE_AT_MOST:
                earliest = number
        self._source = first_header[8:12]
        first_time = self.end.next_time(now)
        self.offsets = Offsets(
            int.from_bytes(self._source, "big"),
            sequence.distance(earliest, sequence.after(self.end.sequence)),
            (first_time - int.from_bytes(first_header[4:8], "big")) % _TIMES,
            first_time,
        )

    def shift(self, sequences: bytes, times: bytes, ssrcs: bytes) -> tuple[bytes, bytes, bytes] | None:
        """Give the numbers of a burst as readers are to see them, in the order and form in which they came.

        None if packets of other streams are among them: those are not changed, so each is to be looked at.
        """
        assert self.offsets is not None
        count = len(ssrcs) >> 2
        if ssrcs != self._source * count:
            return None
        first = sequences[0] << 8 | sequences[1]
        if sequences == sequence.row(first, count):
            shifted = sequence.row((first + self.offsets.sequence) & 0xFFFF, count)
        else:
            shifted = _add("H", sequences, self.offsets.sequence, 0xFFFF)
        if times == times[:4] * count:
            time = (int.from_bytes(times[:4], "big") + self.offsets.rtp_time) % _TIMES
            shifted_times = time.to_bytes(4, "big") * count
        else:
            shifted_times = _add("I", times, self.offsets.rtp_time, _TIMES - 1)
        return shifted, shifted_times, self._ssrc * count

    def renumber(self, packet: bytes) -> bytes:
        """Give a packet as readers are to see it; one of another stream is not changed."""
        if self.offsets is None or packet[8:12] != self._source:
            return packet
        number, time, _ = _NUMBERS.unpack_from(packet, 2)
        numbers = _NUMBERS.pack(
            (number + self.offsets.sequence) & 0xFFFF, (time + self.offsets.rtp_time) % _TIMES, self.end.ssrc
        )
        return packet[:2] + numbers + packet[12:]

    def rewrite(self, parts: list[rtcp.Part]) -> bytes:
        """Give the newcomer's compound packet as readers are to see it."""
        return b"".join([self._rewrite_part(each) for each in parts])

    def _rewrite_part(self, part: rtcp.Part) -> bytes:
        data = part.data
        if self.offsets is None or data[4:8] != self._source:
            return data
        data = data[:4] + self._ssrc + data[8:]
        if part.kind != rtcp.SENDER_REPORT or len(data) < 28:
            return data
        ntp, time, packets, octets = _SENDER_INFO.unpack_from(data, 8)
        time = (time + self.offsets.rtp_time) % _TIMES
        if not self.in_step:
            self.in_step = True
            self.ntp.need(self._ntp_behind(ntp, time, self.offsets.first_time))
        info = _SENDER_INFO.pack(
            (ntp + self.ntp.shift) % (1 << 64),
            time,
            (packets + self.end.packets) % _TIMES,
            (octets + self.end.octets) % _TIMES,
        )
        return data[:8] + info + data[28:]

    def _ntp_behind(self, ntp: int, time: int, first_time: int) -> int:
        """Say by how much the newcomer's first packet is too old, by the NTP times of both publishers' reports; below 0
        if it is not."""
        end = self.end
        if end.ntp_time is None:
            return 0
        last = end.ntp + _ntp_of(end.rtp_time - end.ntp_time, end.clock_rate)
        first = ntp + _ntp_of(first_time - time, end.clock_rate)
        return last + _ntp_of(int(LEAST_GAP_S * end.clock_rate), end.clock_rate) - first

    def restore(self, feedback: bytes) -> bytes:
        """Give a reader's feedback (RFC 4585 section 6.1) as the publisher is to see it: about its own SSRC."""
        if self.offsets is None:
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
