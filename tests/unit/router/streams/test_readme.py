"""What the documentation shows is what is tested."""

from pathlib import Path

from router.streams import errors

ROOT = Path(__file__).parents[4]


def test_the_readmes_example_is_the_tested_one() -> None:
    example = (ROOT / "tests/examples/stream.py").read_text().partition('"""\n\n')[2]
    assert f"```python\n{example}```" in (ROOT / "README.md").read_text()


def test_every_error_is_explained() -> None:
    text = (ROOT / "router/streams/README.md").read_text()
    names = [name for name, each in vars(errors).items() if isinstance(each, type)]
    assert [name for name in names if f"`{name}`" not in text and name not in ("StreamError", "PacketError")] == []
