"""AV1 (RTP Payload Format For AV1, Alliance for Open Media)."""

from dataclasses import dataclass

from router.description.formats.base import Video
from router.description.formats.parameters import number


@dataclass(frozen=True, kw_only=True)
class AV1(Video):
    """AV1 video (AOM's specification, section 7.2)."""

    profile: int | None = number("profile", 0, 2)
    level_idx: int | None = number("level-idx", 0, 31)
    tier: int | None = number("tier", 0, 1)

    encodings = ("AV1",)
