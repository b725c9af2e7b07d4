"""The README shows the example that is tested, and the handlers' own page every method and context there is."""

from pathlib import Path

from router.handlers.interface import NAMES

ROOT = Path(__file__).parents[4]


def test_the_readme_shows_the_tested_example() -> None:
    example = (ROOT / "tests/examples/handler.py").read_text().partition('"""\n\n')[2]
    assert example in (ROOT / "README.md").read_text()


def test_every_method_is_described() -> None:
    page = (ROOT / "router/handlers/README.md").read_text()
    assert [name for name in NAMES if f"`{name}`" not in page] == []
