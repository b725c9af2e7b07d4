"""Settings as text: the TOML is readable, the README is up to date."""

import tomllib
from pathlib import Path

import pytest

from router.settings import Settings
from router.settings.text import example, replace_table, table, to_toml

FILES = {"/a/ü": {"file": "/films/a.mp4", "loop": True}, "/c": {"file": "/films/c.mp4", "on_demand": False}}
ROOT = Path(__file__).parents[4]


def test_the_toml_is_what_it_was_made_of() -> None:
    settings = Settings.model_validate(
        {"workers": 3, "host": "::1", "hooks": "a:b", "auth": {"realm": "Über"}, "files": FILES}
    )
    assert Settings.model_validate(tomllib.loads(to_toml(settings))) == settings


def test_tables_of_mounts_are_what_they_were_made_of() -> None:
    settings = Settings.model_validate({"mounts": {"/a": {"max_readers": 3}, "/b/*": {}}})
    assert Settings.model_validate(tomllib.loads(to_toml(settings))) == settings


def test_the_toml_masks_secrets() -> None:
    text = to_toml(Settings.model_validate({"auth": {"publish_users": {'an"na': "geheim"}}}))
    assert "geheim" not in text
    assert list(tomllib.loads(text)["auth"]["publish_users"]) == ['an"na']


def test_the_table_has_every_setting_with_default_and_bounds() -> None:
    assert "| `publish_port` | `5554` | 0 … 65535 |" in table()
    assert "| `limits.tracks` | `16` | 1 … 32 |" in table()
    assert '| `auth.schemes` | `["basic", "digest-md5"]` | `basic`, `digest-md5`, `digest-sha256` |' in table()
    assert "| `workers` | `auto` | `auto`, 1 … 1024 |" in table()


def test_the_readme_has_the_table_of_today() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert readme == replace_table(readme), "run: python -m router.settings.text"


def test_the_example_file_has_the_settings_of_today() -> None:
    text = (ROOT / "deploy/trunkline.example.toml").read_text("utf-8")
    assert text == example(), "run: python -m router.settings.text"
    uncommented = "\n".join(line.removeprefix("#") for line in text.splitlines() if not line.startswith("# "))
    runtime_dir = Path("/run/trunkline")
    assert Settings.model_validate(tomllib.loads(uncommented)) == Settings(runtime_dir=runtime_dir)


def test_a_readme_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="no <!-- settings"):
        replace_table("# Trunkline")
