"""Bursts between two processes, over a Unix socket pair (SOCK_SEQPACKET): what is in a message, and whether it is RTP.

Sans-IO: bursts in, messages out, and back. A message carries packets of one track, joined into runs as the fan-out
sends them, so that neither end does anything for a single packet. The ends are `workers/runtime/pipe.py` and
`router/streams/pipe.py`.
"""

from workers.channel.codec import MOST_MESSAGE_BYTES, MOST_NTP, ChannelBurst, ChannelError, Kind, decode, encode
from workers.channel.runs import announces, is_rtp, stamps
from workers.fanout.burst import Run, packets_of, runs_of

__all__ = [
    "MOST_MESSAGE_BYTES",
    "MOST_NTP",
    "ChannelBurst",
    "ChannelError",
    "Kind",
    "Run",
    "announces",
    "decode",
    "encode",
    "is_rtp",
    "packets_of",
    "runs_of",
    "stamps",
]
