"""The path that a mount goes by: one for all the ways in which clients write it."""

import re
import unicodedata
from urllib.parse import unquote_to_bytes

_DELIMITER = re.compile(r"(%(?:2[Ff]|3[Ff]|23))")
"""An escaped slash, question mark or number sign: decoded, it would be another URL (RFC 3986 section 2.2)."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_READS_AS_ESCAPE = re.compile("%(?=[0-9A-Fa-f]{2})")


def decoded_path(path: str) -> str:
    """Decode the percent escapes of a URL's path, but for `%2F`, `%3F` and `%23`, and compose its characters (NFC).

    Decoded again, the result is itself, and behind a server's address it leads to the same mount.

    Raises:
        ValueError: it has control characters or invalid UTF-8.
    """
    if path.isascii() and "%" not in path:
        decoded = path
    else:
        decoded = "".join(
            part.upper() if _DELIMITER.fullmatch(part) else _decoded(part) for part in _DELIMITER.split(path)
        )
    if _CONTROL.search(decoded):
        raise ValueError("control character in the path")
    return decoded


def _decoded(part: str) -> str:
    try:
        text = unicodedata.normalize("NFC", unquote_to_bytes(part).decode())
    except UnicodeError as error:
        raise ValueError("the path is not UTF-8") from error
    # A percent sign stays escaped where two hex digits follow: they would be decoded next time.
    return _READS_AS_ESCAPE.sub("%25", text)
