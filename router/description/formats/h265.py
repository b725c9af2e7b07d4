"""H.265 (RFC 7798)."""

from dataclasses import dataclass
from typing import ClassVar

from router.description.formats.parameter_sets import ParameterSetVideo
from router.description.formats.parameters import number


@dataclass(frozen=True, kw_only=True)
class H265(ParameterSetVideo):
    """H.265 video (RFC 7798 section 7.1).

    `vps`, `sps`, `pps` and `more_sets` are NAL units without start codes; `sprop_max_don_diff` over 0 means that
    packets carry decoding order numbers.
    """

    profile_space: int | None = number("profile-space", 0, 3)
    profile_id: int | None = number("profile-id", 0, 31)
    tier_flag: int | None = number("tier-flag", 0, 1)
    level_id: int | None = number("level-id", 0, 255)
    sprop_max_don_diff: int = number("sprop-max-don-diff", 0, 32767, 0, absent=0)
    vps: bytes | None = None
    sps: bytes | None = None
    pps: bytes | None = None

    encodings = ("H265",)
    other_parameters = ("sprop-vps", "sprop-sps", "sprop-pps")
    set_fields: ClassVar = {"vps": 32, "sps": 33, "pps": 34}
    set_types: ClassVar = {32: "sprop-vps", 33: "sprop-sps", 34: "sprop-pps"}
    set_least_bytes = 3

    @classmethod
    def nal_type(cls, unit: bytes) -> int | None:
        """Return the type of a NAL unit (RFC 7798 section 1.1.4)."""
        return None if unit[0] & 0x80 else unit[0] >> 1
