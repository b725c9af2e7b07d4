"""H.264 (RFC 6184)."""

from dataclasses import dataclass
from typing import ClassVar

from router.description.formats.parameter_sets import ParameterSetVideo
from router.description.formats.parameters import number, octets


@dataclass(frozen=True, kw_only=True)
class H264(ParameterSetVideo):
    """H.264 video (RFC 6184 section 8.1).

    `packetization_mode` is 0 (single NAL units), 1 (non-interleaved) or 2 (interleaved). `sps`, `pps` and `more_sets`
    are NAL units without start codes; `profile_level_id`, three bytes, is taken from the `sps` unless given.
    """

    packetization_mode: int = number("packetization-mode", 0, 2, 0, absent=0)
    profile_level_id: bytes | None = octets("profile-level-id", 3, 3)
    sps: bytes | None = None
    pps: bytes | None = None

    encodings = ("H264",)
    other_parameters = ("sprop-parameter-sets",)
    set_fields: ClassVar = {"sps": 7, "pps": 8}
    set_types: ClassVar = dict.fromkeys((7, 8, 15), "sprop-parameter-sets")
    set_least_bytes = 4

    @classmethod
    def nal_type(cls, unit: bytes) -> int | None:
        """Return the type of a NAL unit (H.264 section 7.3.1)."""
        return None if unit[0] & 0x80 else unit[0] & 0x1F

    def __post_init__(self) -> None:
        if self.profile_level_id is None and isinstance(self.sps, bytes) and len(self.sps) >= 4:
            object.__setattr__(self, "profile_level_id", self.sps[1:4])
        super().__post_init__()
