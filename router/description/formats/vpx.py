"""VP8 (RFC 7741) and VP9 (RFC 9628)."""

from dataclasses import dataclass

from router.description.formats.base import Video
from router.description.formats.parameters import number

_MOST = 2**32 - 1


@dataclass(frozen=True, kw_only=True)
class VP8(Video):
    """VP8 video; `max_fr` is in frames per second, `max_fs` in macroblocks of 16 by 16 (RFC 7741 section 6.1)."""

    max_fr: int | None = number("max-fr", 1, _MOST)
    max_fs: int | None = number("max-fs", 1, _MOST)

    encodings = ("VP8",)


@dataclass(frozen=True, kw_only=True)
class VP9(Video):
    """VP9 video; `max_fr` is in frames per second, `max_fs` in macroblocks of 16 by 16 (RFC 9628 section 6)."""

    max_fr: int | None = number("max-fr", 1, _MOST)
    max_fs: int | None = number("max-fs", 1, _MOST)
    profile_id: int | None = number("profile-id", 0, 3)

    encodings = ("VP9",)
