"""What a worker counts, from its start to its end; a heartbeat carries all of it."""

from enum import StrEnum


class Drop(StrEnum):
    """Why a packet (or a message, where it says so) went no further."""

    WRONG_SOURCE = "wrong_source"
    """From an address that may not feed this mount, and that is no reader's."""
    TRUNCATED = "truncated"
    """Longer than a receive slot."""
    NOT_RTP = "not_rtp"
    """Not RTP version 2, or not RTCP on the RTCP port."""
    PAYLOAD_TYPE = "payload_type"
    """A payload type that the track's description does not announce."""
    KERNEL_RCVBUF = "kernel_rcvbuf"
    """The kernel dropped it: the socket's receive buffer was full before the worker came to read it."""
    SEQUENCE_GAP = "sequence_gap"
    """Never came, by the publisher's sequence numbers: lost on its way here."""
    SEND_BUFFER = "send_buffer"
    """The shared socket's send buffer stayed full until the deadline."""
    SEND_ERROR = "send_error"
    """The kernel refused to send it: no route, a bad address."""
    QUEUE_FULL = "queue_full"
    """An interleaved reader was too slow: its queue was full."""
    AWAITING_ACCESS_POINT = "awaiting_access_point"
    """An interleaved reader had missed something, and could not have decoded it."""
    CONNECTION_LOST = "connection_lost"
    """It waited for an interleaved reader when its connection ended."""
    READER_REPORTED = "reader_reported"
    """Lost on the way to a reader, as the readers' receiver reports say."""
    UNKNOWN_CHANNEL = "unknown_channel"
    """An interleaved frame on a channel that nobody has set up."""
    CHANNEL_FULL = "channel_full"
    """The other end of a burst channel (a tap, a program) was too slow: its queue was full."""
    NO_WAY = "no_way"
    """Meant for one session alone, which is not here or can't be reached: a multicast reader, a lost connection."""
    CONTROL_GARBAGE = "control_garbage"
    """A message that is none, of the front or on a burst channel, or a descriptor without its name (messages, not
    packets)."""
    FOREIGN_FRONT = "foreign_front"
    """A message from a front that is not this worker's (messages, not packets)."""
    OUTBOX_FULL = "outbox_full"
    """A message that could not be kept any longer for a front that read too slowly (messages, not packets)."""


class Counters:
    """The sums over all mounts. Plain attributes, as the hot path adds to them once a burst."""

    __slots__ = ("bytes_in", "bytes_out", "drops", "packets_in", "packets_out")

    def __init__(self) -> None:
        self.packets_in = 0
        self.packets_out = 0
        self.bytes_in = 0
        self.bytes_out = 0
        self.drops: dict[Drop, int] = dict.fromkeys(Drop, 0)

    def drop(self, cause: Drop, packets: int = 1) -> None:
        self.drops[cause] += packets
