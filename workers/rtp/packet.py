"""RTP packets (RFC 3550 section 5.1): what a router must know of one, and nothing more."""

FIXED_HEADER_BYTES = 12

VERSION_2 = bytes(range(0x80, 0xC0))
"""Every first byte that a packet of RTP version 2 can have. To be deleted from a string of first bytes
(`bytes.translate`): what is left over is not RTP."""

GSTREAMER_PUNCH = b"\xce\xfa\xed\xfe"
"""What GStreamer's rtspsrc sends to both ports of a track to open the way back (1.22)."""


def second_bytes(payload_types: tuple[int, ...]) -> bytes:
    """List every second byte of a packet of one of these payload types, with and without the marker."""
    return bytes([marker | each for each in payload_types for marker in (0x00, 0x80)])


def payload_start(packet: bytes) -> int | None:
    """Find where what follows the header, CSRCs and extension of a packet begins.

    None if the packet is not RTP version 2 or is shorter than it says.
    """
    length = len(packet)
    if length < FIXED_HEADER_BYTES or packet[0] & 0xC0 != 0x80:
        return None
    start = FIXED_HEADER_BYTES + 4 * (packet[0] & 0x0F)
    if packet[0] & 0x10:
        if length < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4], "big")
    return start if start <= length else None


def payload_bytes(packet: bytes) -> int | None:
    """Measure the payload of a packet, with padding left out.

    None if the packet is not RTP version 2 or is shorter than it says.
    """
    start = payload_start(packet)
    padding = packet[-1] if packet and packet[0] & 0x20 else 0
    if start is None or start + padding > len(packet):
        return None
    return len(packet) - start - padding


def is_punch(packet: bytes) -> bool:
    """Tell a packet that carries nothing: a reader sends it so that a firewall lets media come back.

    ffmpeg (libavformat/rtpdec.c, `ff_rtp_send_punch_packets`) sends an RTP header of 12 bytes to the RTP port and an
    empty receiver report of 8 bytes to the RTCP port; GStreamer sends four bytes to both.
    """
    return packet == GSTREAMER_PUNCH or payload_bytes(packet) == 0
