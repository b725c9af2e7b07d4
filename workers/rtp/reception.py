"""What a receiver knows of one RTP stream: sequence, loss, jitter (RFC 3550 appendices A.1, A.3, A.8)."""

from workers.contract.image import ReceptionImage
from workers.rtp import sequence

MAX_DROPOUT = 3000
"""A jump ahead of more than this is another numbering, not a loss (RFC 3550 A.1)."""
MAX_MISORDER = 100
"""A packet that is later than this is another numbering too (RFC 3550 A.1)."""
CHANGE_AFTER_S = 1.0
"""Another SSRC becomes the stream once the one before was not heard for this long. Streams with retransmission or
error correction on the same port alternate between SSRCs: they must not start from the beginning each time."""


class Reception:
    """One stream as it is received, in bursts: all packets of a burst arrived at the same time."""

    __slots__ = (
        "_bad",
        "_base",
        "_expected_before",
        "_extended",
        "_heard_at",
        "_received",
        "_received_before",
        "_ssrc_bytes",
        "_transit",
        "clock_rate",
        "jitter",
        "last_sequence",
        "last_time",
        "last_time_at",
        "marker",
    )

    def __init__(self) -> None:
        self._ssrc_bytes = b""
        self.jitter = 0.0
        self._heard_at = 0.0
        self.last_time = 0
        self.last_time_at = 0.0
        self.last_sequence: int | None = None
        self.marker = False
        self.clock_rate = 1
        self._restart(0)

    def _restart(self, first: int) -> None:
        """Begin to count at sequence number `first`, which itself has not come yet."""
        self._base = first
        self._extended = first - 1  # the highest sequence number, extended by how often it wrapped around
        self._received = 0
        self._expected_before = 0
        self._received_before = 0
        self._bad: int | None = None
        self._transit: float | None = None
        self.jitter = 0.0

    def image(self) -> ReceptionImage:
        """Say all that is known, for another worker."""
        return ReceptionImage(
            ssrc=self._ssrc_bytes,
            base=self._base,
            extended=self._extended,
            received=self._received,
            expected_before=self._expected_before,
            received_before=self._received_before,
            bad=self._bad,
            transit=self._transit,
            jitter=self.jitter,
            heard_at=self._heard_at,
            last_sequence=self.last_sequence,
            last_time=self.last_time,
            last_time_at=self.last_time_at,
            marker=self.marker,
            clock_rate=self.clock_rate,
        )

    def restore(self, image: ReceptionImage) -> None:
        """Go on where another worker has stopped."""
        self._ssrc_bytes = image.ssrc
        self._base, self._extended, self._received = image.base, image.extended, image.received
        self._expected_before, self._received_before = image.expected_before, image.received_before
        self._bad, self._transit, self.jitter = image.bad, image.transit, image.jitter
        self._heard_at = image.heard_at
        self.last_sequence, self.last_time, self.last_time_at = image.last_sequence, image.last_time, image.last_time_at
        self.marker, self.clock_rate = image.marker, image.clock_rate

    @property
    def ssrc(self) -> int | None:
        """The stream's SSRC; None before its first packet."""
        return int.from_bytes(self._ssrc_bytes, "big") if self._ssrc_bytes else None

    @property
    def highest(self) -> int:
        """The extended highest sequence number received, as a receiver report has it."""
        return max(self._extended, 0) % (1 << 32)

    @property
    def expected(self) -> int:
        """How many packets the sequence numbers say were sent since the first."""
        return self._extended - self._base + 1 if self._ssrc_bytes else 0

    @property
    def lost(self) -> int:
        """How many of the expected did not come; never below 0, though duplicates could make it so."""
        return max(0, self.expected - self._received)

    def observe(self, sequences: bytes, ssrcs: bytes, last_header: bytes, clock_rate: int, now: float) -> None:
        """Take note of a burst: its sequence numbers and SSRCs as they stand in the packets, one after the other.

        `last_header` is the fixed header of its last packet, `now` when it came, in seconds.
        """
        count = len(ssrcs) >> 2
        if ssrcs == self._ssrc_bytes * count and sequences == sequence.row((self._extended + 1) & 0xFFFF, count):
            self._extended += count
            self._received += count
            self._bad = None
        else:
            self._observe_each(sequences, ssrcs, now)
        if last_header[8:12] != self._ssrc_bytes:
            return  # of another stream: what is known of this one stays
        self._heard_at = now
        self.last_sequence = int.from_bytes(last_header[2:4], "big")
        self.last_time = rtp_time = int.from_bytes(last_header[4:8], "big")
        self.last_time_at = now
        self.clock_rate = clock_rate
        self.marker = last_header[1] >= 0x80
        # A.8, a step for each burst: its packets carry one picture, so one timestamp, and came together. RTP time
        # wraps, so the difference is taken modulo 2**32 before it is given a sign.
        transit = now * clock_rate - rtp_time
        if self._transit is not None:
            step = (transit - self._transit + 2147483648.0) % 4294967296.0 - 2147483648.0
            self.jitter += (abs(step) - self.jitter) / 16.0
        self._transit = transit

    def _observe_each(self, sequences: bytes, ssrcs: bytes, now: float) -> None:
        for index in range(len(ssrcs) >> 2):
            number = sequences[2 * index] << 8 | sequences[2 * index + 1]
            ssrc = ssrcs[4 * index : 4 * index + 4]
            if ssrc != self._ssrc_bytes:
                if self._ssrc_bytes and now - self._heard_at < CHANGE_AFTER_S:
                    continue
                self._ssrc_bytes = ssrc
                self._heard_at = now
                self._restart(number)
            self._observe_one(number)

    def _observe_one(self, number: int) -> None:
        """RFC 3550 A.1 `update_seq`, without its probation: who may send was settled before."""
        ahead = sequence.distance(self._extended & 0xFFFF, number)
        if ahead < MAX_DROPOUT:  # in order, with a permissible gap; 0 is a duplicate
            self._extended += ahead
        elif ahead <= (1 << 16) - MAX_MISORDER:
            if number != self._bad:
                self._bad = sequence.after(number)
                return
            # Two in a row: the sender has started again without telling anybody.
            jitter = self.jitter
            self._restart(sequence.distance(1, number))
            self._extended += 2
            self._received = 1
            self.jitter = jitter
        self._received += 1

    def loss_since_report(self) -> tuple[int, int]:
        """Give the fraction lost since the last call in 256ths, and the packets lost in all (A.3)."""
        expected = self.expected
        expected_now = expected - self._expected_before
        lost_now = expected_now - (self._received - self._received_before)
        self._expected_before = expected
        self._received_before = self._received
        fraction = min(255, (lost_now << 8) // expected_now) if expected_now > 0 and lost_now > 0 else 0
        return fraction, min(expected - self._received, 0x7FFFFF)

    def next_time(self, now: float) -> int | None:
        """Guess the next packet's RTP time; None before the first packet.

        The last packet's own, unless its marker ended a picture: then what passed since on the stream's clock is added.
        """
        if self.last_sequence is None:
            return None
        elapsed = (now - self.last_time_at) * self.clock_rate if self.marker else 0
        return (self.last_time + int(elapsed)) % (1 << 32)
