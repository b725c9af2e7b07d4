"""Splits what comes in on an RTSP connection into interleaved frames and whole RTSP messages: the only place that does.

Sans-IO: bytes in, items out. The front's listener and the worker's connections both use it, so that a connection can
move from one to the other between any two bytes.
"""

from workers.framing.foreign import foreign_protocol
from workers.framing.splitter import Broken, Frame, FramingLimits, Item, Splitter, frame, joined

__all__ = ["Broken", "Frame", "FramingLimits", "Item", "Splitter", "foreign_protocol", "frame", "joined"]
