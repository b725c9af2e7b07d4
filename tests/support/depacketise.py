"""H264 out of RTP again (RFC 6184), written apart from the router's own code: what a decoder is given."""

import base64
import re

from tests.support.rtp import parse_rtp

START_CODE = b"\x00\x00\x00\x01"


def parameter_sets(media: tuple[str, ...]) -> bytes:
    """The parameter sets that a media description's lines carry."""
    match = re.search(r"sprop-parameter-sets=([^;\s]+)", "\n".join(media))
    assert match is not None, f"no parameter sets in {media}"
    return b"".join(START_CODE + base64.b64decode(each) for each in match[1].split(","))


def h264_stream(packets: list[bytes]) -> bytes:
    """Join packets into a byte stream; a fragment that lacks its first or last one is a failure."""
    out, fragments = [], b""
    for packet in packets:
        payload = parse_rtp(packet).payload
        kind = payload[0] & 0x1F
        if kind == 28:
            starts, ends = payload[1] & 0x80, payload[1] & 0x40
            assert bool(starts) != bool(fragments), "a fragmented unit was cut"
            if starts:
                fragments = START_CODE + bytes([(payload[0] & 0xE0) | (payload[1] & 0x1F)])
            fragments += payload[2:]
            if ends:
                out.append(fragments)
                fragments = b""
            continue
        assert not fragments, "a fragmented unit has no end"
        if kind == 24:
            at = 1
            while at < len(payload):
                size = int.from_bytes(payload[at : at + 2], "big")
                out.append(START_CODE + payload[at + 2 : at + 2 + size])
                at += 2 + size
        else:
            out.append(START_CODE + payload)
    return b"".join(out)


def frames_of(packets: list[bytes]) -> list[list[bytes]]:
    """Group packets into frames, by their timestamps."""
    frames: list[list[bytes]] = []
    last = None
    for packet in packets:
        timestamp = parse_rtp(packet).timestamp
        if timestamp != last:
            frames.append([])
            last = timestamp
        frames[-1].append(packet)
    return frames
