"""The byte stream of one RTSP connection to its items (RFC 2326 sections 4 and 10.12)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_DOLLAR = 0x24
_FRAME_HEADER_BYTES = 4
_MAX_BLANK_BYTES = 1024
"""CR and LF in a row between two items. Clients send a few after a body; whoever sends more sends nothing else."""

# LF alone ends a line too (RFC 2326 section 4: receivers must cope), so a head ends at LF, LF or LF, CR, LF.
_HEAD_END = re.compile(rb"\n\r?\n")
_BLANK = re.compile(rb"[\r\n]*")
_CONTENT_LENGTH = re.compile(rb"\ncontent-length[ \t]*:([^\r\n]*)", re.IGNORECASE)

Frame = tuple[int, bytes]
"""Interleaved channel, and payload without the 4-byte header."""


@dataclass(frozen=True, slots=True)
class FramingLimits:
    """What one RTSP message may take up: a peer that never ends its message costs no more than this.

    Line ends are part of a line, the closing empty line is part of a head.
    """

    line_bytes: int = 8192
    head_bytes: int = 32768
    body_bytes: int = 65536


@dataclass(frozen=True, slots=True)
class Broken:
    """The stream can't be split any further: answer with this status, then close."""

    status: int
    reason: str


_FIRST_LETTER = 0x21
"""No method or version begins with less: a blank or a control character."""

Item = bytes | Frame | Broken
"""One whole RTSP message (head and body, raw), one frame, or the end of all sense."""


class Splitter:
    """Splits one direction of one connection; gives the same items however the bytes are cut."""

    def __init__(self, limits: FramingLimits) -> None:
        self._limits = limits
        self._line_bytes = min(limits.line_bytes, limits.head_bytes)
        self._rest = bytearray()  # begins with the first byte of an item, or is empty
        self._wanted = 0  # bytes of `_rest` before which looking again is useless
        self._scanned = 0  # bytes of `_rest` that hold no end of a head
        self._blank_bytes = 0
        self._broken = False

    @property
    def unread(self) -> bytes:
        """What was fed and not given out: moves to the connection's next reader."""
        return bytes(self._rest)

    def take_unread(self) -> bytes:
        """Give `unread`, and begin anew without it."""
        unread, self._rest = bytes(self._rest), bytearray()
        self._wanted = self._scanned = 0
        return unread

    def feed(self, data: bytes, *, one_message: bool = False) -> list[Item]:
        """Take what was read and return the items that are now whole; nothing follows a `Broken`.

        With `one_message` no more is taken out of `unread` than the first RTSP message, and what is before it.
        """
        if self._broken:
            return []
        if self._rest:
            self._rest += data
            if len(self._rest) < self._wanted:
                return []
            data = bytes(self._rest)
        items: list[Item] = []
        position, size = 0, len(data)
        # The hot path of every TCP publisher: one turn for each frame, nothing for each byte.
        while position < size:
            if data[position] == _DOLLAR:
                body = position + _FRAME_HEADER_BYTES
                if body > size:
                    self._wanted = _FRAME_HEADER_BYTES
                    break
                end = body + (data[position + 2] << 8 | data[position + 3])
                if end > size:
                    self._wanted = end - position
                    break
                items.append((data[position + 1], data[body:end]))
                self._blank_bytes = 0
            elif data[position] in b"\r\n":
                end = self._skip_blank(data, position, items)
            elif data[position] < _FIRST_LETTER:
                # A TLS hello begins with 0x16, and would wait for a line's end that never comes.
                end = self._break(data, items, 400, "neither an RTSP message nor an interleaved frame")
            else:
                end = self._take_message(data, position, items)
                if end == position:
                    break
                if one_message:
                    position = end
                    break
            position = end
        self._rest = bytearray() if self._broken else bytearray(data[position:])
        return items

    def _skip_blank(self, data: bytes, start: int, items: list[Item]) -> int:
        blank = _BLANK.match(data, start)
        end = blank.end() if blank else start
        self._blank_bytes += end - start
        if self._blank_bytes > _MAX_BLANK_BYTES:
            return self._break(data, items, 400, "too many empty lines")
        return end

    def _take_message(self, data: bytes, start: int, items: list[Item]) -> int:
        """Append the message that begins at `start` and return its end, or `start` if it isn't whole."""
        held = len(data) - start
        if data.find(b"\n", start, start + self._line_bytes) < 0 and held >= self._line_bytes:
            return self._break(data, items, 414, f"first line over {self._line_bytes} bytes")
        # An end may begin in the last two bytes that were looked at before.
        head_end = _HEAD_END.search(data, start + max(self._scanned - 2, 0), start + self._limits.head_bytes)
        if head_end is None:
            if held >= self._limits.head_bytes:
                return self._break(data, items, 413, f"head over {self._limits.head_bytes} bytes")
            self._scanned = held
            self._wanted = held + 1
            return start
        length = self._body_bytes(data[start : head_end.end()])
        if isinstance(length, Broken):
            return self._break(data, items, length.status, length.reason)
        end = head_end.end() + length
        if end > len(data):
            self._scanned = max(head_end.end() - start - 1, 0)
            self._wanted = end - start
            return start
        items.append(data[start:end])
        self._scanned = self._blank_bytes = 0
        return end

    def _body_bytes(self, head: bytes) -> int | Broken:
        values = _CONTENT_LENGTH.findall(head)
        if not values:
            return 0
        value = values[0].strip(b" \t")
        if len(values) > 1 or not value.isdigit():
            return Broken(400, "bad Content-Length")
        significant = value.lstrip(b"0")
        # int() of unbounded digits is slow, then an error: a number that long is too large anyway.
        if len(significant) > 10 or int(significant or b"0") > self._limits.body_bytes:
            return Broken(413, f"body over {self._limits.body_bytes} bytes")
        return int(value)

    def _break(self, data: bytes, items: list[Item], status: int, reason: str) -> int:
        items.append(Broken(status, reason))
        self._broken = True
        return len(data)


def frame(channel: int, payload: bytes) -> bytes:
    """Wrap a packet for its interleaved channel (RFC 2326 section 10.12); `payload` is at most 65535 bytes."""
    return b"$" + bytes((channel,)) + len(payload).to_bytes(2, "big") + payload


def joined(items: Iterable[bytes | Frame]) -> bytes:
    """Turn items back into the bytes that they came from: for those that move on unused with their connection."""
    return b"".join([item if isinstance(item, bytes) else frame(*item) for item in items])
