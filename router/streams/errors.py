"""What a program did with a stream that can't be done: one base, a name for each."""


class StreamError(Exception):
    """A stream can't do what was asked of it. Nothing of it was done."""


class StreamClosed(StreamError):
    """The stream has been closed, by the program, with its server, or since its path was taken away: it says why."""


class StreamNotOpen(StreamError):
    """The stream is not open yet: `await stream.open()`, or start the server that it was made for."""


class StreamNotPlaced(StreamError):
    """The stream can't be opened: no worker is there or has the ports, or a limit of the server is reached."""


class PathTaken(StreamError):
    """The stream can't be opened: its path is in use."""


class StreamFull(StreamError):
    """The worker takes less than is written: wait with `await stream.drain()`, or write less."""


class PacketError(StreamError):
    """A packet can't be sent, and none of the burst that it is in was: `index` says which."""

    def __init__(self, reason: str, index: int = 0) -> None:
        super().__init__(f"packet {index}: {reason}")
        self.index = index


class NotRtp(PacketError):
    """It is no RTP packet of version 2 (RFC 3550 section 5.1)."""


class NotRtcp(PacketError):
    """It is no RTCP packet, or compound of such (RFC 3550 section 6.1)."""


class PacketTooLarge(PacketError):
    """It is longer than the stream's `max_packet_bytes`."""


class WrongPayloadType(PacketError):
    """Its payload type is none of its media's formats."""


class WrongMedia(StreamError):
    """The media is none of the description's, or packets don't flow in this direction on it."""


class CannotReload(StreamError):
    """The new description has other medias, payload types or clock rates, which an open stream keeps."""
