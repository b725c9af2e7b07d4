"""One path for all the ways in which clients write it."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.paths import decoded_path


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ("/live/a", "/live/a"),
        ("/u/käse", "/u/käse"),
        ("/u/k%C3%A4se", "/u/käse"),
        ("/u/k%c3%a4se", "/u/käse"),
        ("/u/ka\u0308se", "/u/käse"),
        ("/u/ka%CC%88se", "/u/käse"),
        ("/%6Cive/%61", "/live/a"),
        ("/a b", "/a b"),
        ("/a%20b", "/a b"),
        ("/a+b", "/a+b"),
        # another URL, if they were decoded
        ("/a%2Fb", "/a%2Fb"),
        ("/a%2fb", "/a%2Fb"),
        ("/a%3fb%23c", "/a%3Fb%23c"),
        # what is no escape, and what must not become one
        ("/100%", "/100%"),
        ("/100%25", "/100%"),
        ("/%zz", "/%zz"),
        ("/%252F", "/%252F"),
        ("/%2541", "/%2541"),
        ("/%%34%31", "/%2541"),
        ("/%%2F", "/%%2F"),
    ],
)
def test_the_same_path_is_one_however_it_is_written(sent: str, path: str) -> None:
    assert decoded_path(sent) == path


@pytest.mark.parametrize(
    "path", ["/%00", "/a%0d%0a", "/\0", "/a\nb", "/%7f", "/%C2%9B", "/\x9b", "/\u2028", "/%FF", "/%C3", "/\ud800"]
)
def test_what_is_no_text_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        decoded_path(path)


@settings(deadline=None)
@given(st.lists(st.sampled_from([*"%245aAfF/? é\u0301\u0338", "%25", "%2F", "%3f", "%C3%A9", "%61"])).map("".join))
def test_a_decoded_path_is_decoded_to_itself(sent: str) -> None:
    try:
        path = decoded_path(sent)
    except ValueError:
        return  # escapes that happen to be no UTF-8
    assert decoded_path(path) == path
    assert sent.count("/") == path.count("/")
    assert unicodedata.is_normalized("NFC", path) or "%" in path
