"""What a receiver knows of one RTP stream: sequence, loss, jitter (RFC 3550 appendices A.1, A.3, A.8)."""

from dataclasses import fields

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

    __slots__ = ("state",)

    def __init__(self, state: ReceptionImage | None = None) -> None:
        self.state = ReceptionImage() if state is None else state

    def forget(self) -> None:
        """Begin anew, for another publisher's stream; the count of all that was lost goes on."""
        fresh = ReceptionImage(lost_before=self.lost_so_far, lost_told=self.state.lost_told)
        for each in fields(fresh):
            setattr(self.state, each.name, getattr(fresh, each.name))

    def _restart(self, first: int) -> None:
        """Begin to count at sequence number `first`, which itself has not come yet."""
        state = self.state
        state.lost_before += self.lost
        state.base = first
        state.extended = first - 1
        state.received = state.expected_before = state.received_before = 0
        state.bad = state.transit = None
        state.jitter = 0.0

    @property
    def ssrc(self) -> int | None:
        """The stream's SSRC; None before its first packet."""
        ssrc = self.state.ssrc
        return int.from_bytes(ssrc, "big") if ssrc else None

    @property
    def highest(self) -> int:
        """The extended highest sequence number received, as a receiver report has it."""
        return max(self.state.extended, 0) % (1 << 32)

    @property
    def expected(self) -> int:
        """How many packets the sequence numbers say were sent since the first."""
        state = self.state
        return state.extended - state.base + 1 if state.ssrc else 0

    @property
    def lost(self) -> int:
        """How many of the expected did not come; never below 0, though duplicates could make it so."""
        return max(0, self.expected - self.state.received)

    @property
    def lost_so_far(self) -> int:
        """The lost of this stream and those before it; fewer where a late packet has come."""
        return self.state.lost_before + self.lost

    def count_lost(self) -> int:
        """Count the lost of this stream and those before it, never fewer than were counted before."""
        state = self.state
        state.lost_told = max(state.lost_told, self.lost_so_far)
        return state.lost_told

    def observe(self, sequences: bytes, ssrcs: bytes, last_header: bytes, clock_rate: int, now: float) -> None:
        """Take note of a burst: its sequence numbers and SSRCs as they stand in the packets, one after the other.

        `last_header` is the fixed header of its last packet, `now` when it came, in seconds.
        """
        state = self.state
        count = len(ssrcs) >> 2
        if ssrcs == state.ssrc * count and sequences == sequence.row((state.extended + 1) & 0xFFFF, count):
            state.extended += count
            state.received += count
            state.bad = None
        else:
            self._observe_each(sequences, ssrcs, now)
        if last_header[8:12] != state.ssrc:
            return  # of another stream: what is known of this one stays
        state.heard_at = now
        state.last_sequence = int.from_bytes(last_header[2:4], "big")
        state.last_time = rtp_time = int.from_bytes(last_header[4:8], "big")
        state.last_time_at = now
        state.clock_rate = clock_rate
        state.marker = last_header[1] >= 0x80
        # A.8, a step for each burst: its packets carry one picture, so one timestamp, and came together. RTP time
        # wraps, so the difference is taken modulo 2**32 before it is given a sign.
        transit = now * clock_rate - rtp_time
        if state.transit is not None:
            step = (transit - state.transit + 2147483648.0) % 4294967296.0 - 2147483648.0
            state.jitter += (abs(step) - state.jitter) / 16.0
        state.transit = transit

    def _observe_each(self, sequences: bytes, ssrcs: bytes, now: float) -> None:
        state = self.state
        for index in range(len(ssrcs) >> 2):
            number = sequences[2 * index] << 8 | sequences[2 * index + 1]
            ssrc = ssrcs[4 * index : 4 * index + 4]
            if ssrc != state.ssrc:
                if state.ssrc and now - state.heard_at < CHANGE_AFTER_S:
                    continue
                self._restart(number)
                state.ssrc = ssrc
                state.heard_at = now
            self._observe_one(number)

    def _observe_one(self, number: int) -> None:
        """RFC 3550 A.1 `update_seq`, without its probation: who may send was settled before."""
        state = self.state
        ahead = sequence.distance(state.extended & 0xFFFF, number)
        if ahead < MAX_DROPOUT:  # in order, with a permissible gap; 0 is a duplicate
            state.extended += ahead
        elif ahead <= (1 << 16) - MAX_MISORDER:
            if number != state.bad:
                state.bad = sequence.after(number)
                return
            # Two in a row: the sender has started again without telling anybody.
            jitter = state.jitter
            self._restart(sequence.distance(1, number))
            state.extended += 2
            state.received = 1
            state.jitter = jitter
        state.received += 1

    def loss_since_report(self) -> tuple[int, int]:
        """Give the fraction lost since the last call in 256ths, and the packets lost in all (A.3)."""
        state, expected = self.state, self.expected
        expected_now = expected - state.expected_before
        lost_now = expected_now - (state.received - state.received_before)
        state.expected_before = expected
        state.received_before = state.received
        fraction = min(255, (lost_now << 8) // expected_now) if expected_now > 0 and lost_now > 0 else 0
        return fraction, min(expected - state.received, 0x7FFFFF)

    def next_time(self, now: float) -> int | None:
        """Guess the next packet's RTP time; None before the first packet.

        The last packet's own, unless its marker ended a picture: then what passed since on the stream's clock is added.
        """
        state = self.state
        if state.last_sequence is None:
            return None
        elapsed = (now - state.last_time_at) * state.clock_rate if state.marker else 0
        return (state.last_time + int(elapsed)) % (1 << 32)
