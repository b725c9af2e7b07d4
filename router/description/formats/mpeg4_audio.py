"""MPEG-4 audio, AAC as a rule, in its two payload formats (RFC 3640 and RFC 6416)."""

from dataclasses import dataclass

from router.description.formats.base import Audio
from router.description.formats.parameters import flag, number, octets, word


@dataclass(frozen=True, kw_only=True)
class MPEG4Audio(Audio):
    """MPEG-4 audio in access units (mpeg4-generic, RFC 3640 section 4.1).

    `config` is the AudioSpecificConfig; the three lengths, in bits, are those of the AU headers: the defaults are
    mode AAC-hbr's, and 0 means that a field isn't there.
    """

    streamtype: int | None = number("streamtype", 0, 63, 5)
    profile_level_id: int | None = number("profile-level-id", 0, 255, 1)
    mode: str | None = word("mode", "AAC-hbr")
    config: bytes | None = octets("config", 2)
    sizelength: int = number("sizelength", 0, 32, 13, absent=0)
    indexlength: int = number("indexlength", 0, 32, 3, absent=0)
    indexdeltalength: int = number("indexdeltalength", 0, 32, 3, absent=0)

    encodings = ("MPEG4-GENERIC",)


@dataclass(frozen=True, kw_only=True)
class MPEG4AudioLATM(Audio):
    """MPEG-4 audio in LATM (MP4A-LATM, RFC 6416 section 7.3).

    `config` is the StreamMuxConfig; without `cpresent`, which says that it is in the stream, it must be here.
    `bitrate` is in bit/s.
    """

    profile_level_id: int | None = number("profile-level-id", 0, 255)
    object_type: int | None = number("object", 0, 255)
    bitrate: int | None = number("bitrate", 0, 2**32 - 1)
    cpresent: bool = flag("cpresent", default=True)
    config: bytes | None = octets("config", 2)

    encodings = ("MP4A-LATM",)

    def _check(self) -> None:
        super()._check()
        if not self.cpresent and self.config is None:
            self._refuse("config is None and cpresent is False", "a StreamMuxConfig in one of the two places")
