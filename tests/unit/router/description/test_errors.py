"""An error says where it is, what is wrong, and what would be right."""

from router.description.errors import DescriptionError, shown


def test_an_error_is_seen_from_outside_with_its_whole_place() -> None:
    error = DescriptionError("H264", "sps is b''", "a NAL unit")
    assert str(error) == "H264: sps is b''; allowed: a NAL unit"
    outer = error.inside("media 2").inside("session")
    assert str(outer) == "session, media 2, H264: sps is b''; allowed: a NAL unit"
    assert (outer.what, outer.allowed) == (error.what, error.allowed)
    assert isinstance(outer, ValueError)


def test_what_a_stranger_sends_does_not_fill_the_log() -> None:
    assert shown("abc") == "'abc'"
    assert len(shown("x" * 100_000)) < 100
    assert len(shown([["y" * 1000] * 1000] * 1000)) < 2000
    assert "\n" not in shown("a\nb")
