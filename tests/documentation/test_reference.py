"""The reference is that of today, and names only what is there."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

import router
from router.settings.allowed import leaves
from tests.documentation.api import PAGE, public_names, write

ROOT = Path(__file__).resolve().parents[2]
MAPPINGS = {"router/GORTSPLIB.md": "router", "router/description/README.md": "router.description"}


def test_the_page_is_made_of_the_docstrings_of_today() -> None:
    assert PAGE.read_text("utf-8") == write(), "run: python -m tests.documentation.api"


def test_every_public_name_has_a_docstring() -> None:
    assert [name for name, found in public_names() if not found.docstring] == []


def mapped(page: str) -> list[str]:
    """Give the code of the last column of all tables."""
    rows = [line for line in (ROOT / page).read_text("utf-8").splitlines() if line.startswith("| ")]
    return [code for row in rows for code in re.findall(r"`([^`]+)`", row.rstrip(" |").rpartition("| ")[2])]


def test_every_name_that_gortsplibs_are_mapped_to_is_there() -> None:
    known = {key for key, _ in leaves()}
    last = ""
    for code in mapped("router/GORTSPLIB.md"):
        name = re.sub(r"^async with |\(.*\)$", "", code)
        if name in known:
            continue
        name = f"{last.rpartition('.')[0] or last}{name}" if name.startswith(".") else name
        last = name
        assert resolves(name), f"{code}: there is no {name}"


@pytest.mark.parametrize("code", mapped("router/description/README.md"))
def test_every_name_of_descriptions_is_there(code: str) -> None:
    for name in re.findall(r"^[A-Z]\w+(?:\.\w+)*", code):
        if name in ("None",):
            continue
        assert resolves(f"router.description.{name}"), name


def test_every_call_in_the_mapping_has_its_arguments() -> None:
    for code in mapped("router/GORTSPLIB.md"):
        if (match := re.fullmatch(r"(\w+)\((.+)\)", code)) and "handler" not in code and match[2] != "...":
            for keyword in ast.parse(code.replace("...", "None"), mode="eval").body.keywords:  # type: ignore[attr-defined]
                assert keyword.arg in getattr(router, match[1]).__init__.__annotations__, code


def resolves(name: str) -> bool:
    """Look whether a dotted name leads somewhere, through attributes, fields and annotations."""
    parts = name.removeprefix("router.").split(".")
    found: object = importlib.import_module("router.description" if parts[0] == "description" else "router")
    for part in parts[1:] if parts[0] == "description" else parts:
        fields = {field for base in getattr(found, "__mro__", ()) for field in inspect.get_annotations(base)}
        if not hasattr(found, part):
            return part in fields
        found = getattr(found, part)
    return True
