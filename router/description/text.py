"""What may stand in a line of SDP, so that it is read back as it was written."""

import re

from router.description.errors import DescriptionError, shown

_TEXT = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")


def check_text(where: str, text: object) -> None:
    """Refuse what can't be part of a line; bytes that aren't UTF-8 are surrogates, as in `router.rtsp.sdp`."""
    if not (isinstance(text, str) and _TEXT.fullmatch(text) and _is_encodable(text)):
        raise DescriptionError(where, f"it is {shown(text)}", "text without control characters")


def check_trimmed_text(where: str, text: object) -> None:
    """Refuse what can't be a line's value: what `check_text` does, no text, and blanks at its ends."""
    check_text(where, text)
    if isinstance(text, str) and text != (text.strip() or None):
        raise DescriptionError(where, f"it is {shown(text)}", "text, without blanks at its ends")


def attribute_name(attribute: str) -> str:
    """Return the name of an attribute such as `framerate:25`, in lower case."""
    return attribute.partition(":")[0].strip().lower()


def _is_encodable(text: str) -> bool:
    try:
        encoded = text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return False
    return encoded.decode(errors="surrogateescape") == text
