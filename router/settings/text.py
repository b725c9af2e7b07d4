"""Settings as text, all made from the model: `config show`, the README's table, the example file.

`python -m router.settings.text` writes the last two anew, in the folder of a checkout.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from router.settings import Settings
from router.settings.allowed import allowed, leaves

TABLE_BEGIN = "<!-- settings: made by `python -m router.settings.text` -->"
TABLE_END = "<!-- end of settings -->"


def to_toml(settings: BaseModel) -> str:
    """Write the effective settings as TOML, with a comment on each and with secrets masked."""
    return "\n".join(_toml_lines(settings, "")) + "\n"


def _toml_lines(model: BaseModel, table: str) -> Iterator[str]:
    below = {}
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if isinstance(value, BaseModel | Mapping):
            below[name] = (value, field)
            continue
        yield f"# {field.description}"
        yield f"# {name} is not set" if value is None else f"{name} = {_toml_value(value)}"
    for name, (value, field) in below.items():
        yield ""
        yield f"# {field.description}"
        yield f"[{table}{name}]"
        if isinstance(value, BaseModel):
            yield from _toml_lines(value, f"{table}{name}.")
            continue
        for key, each in value.items():
            quoted = json.dumps(key, ensure_ascii=False)
            if isinstance(each, BaseModel):
                yield f"[{table}{name}.{quoted}]"
                yield from _toml_lines(each, f"{table}{name}.{quoted}.")
            else:
                yield f"{quoted} = {_toml_value(each)}"


def _toml_value(value: Any) -> str:
    # A JSON string, number, boolean or array of them is one of TOML's too.
    if isinstance(value, Path | SecretStr):
        value = str(value)
    return json.dumps(value, ensure_ascii=False)


def table() -> str:
    """Write the README's table of all settings, without its marks."""
    rows = ["| setting | default | allowed | |", "|---|---|---|---|"]
    rows += [f"| `{key}` | {_default(field)} | {_allowed(field)} | {field.description} |" for key, field in leaves()]
    return "\n".join(rows)


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "`$XDG_RUNTIME_DIR/trunkline` or `/tmp/trunkline-UID`"
    if field.is_required():
        return "must be set"
    if field.default in ("", None) or field.default == {}:
        return ""
    value = list(field.default) if isinstance(field.default, tuple) else field.default
    return f"`{_toml_value(value).strip(chr(34))}`"


def _allowed(field: FieldInfo) -> str:
    may_be = allowed(field)
    return ", ".join(filter(None, [*(f"`{word}`" for word in may_be.words), may_be.range()]))


def replace_table(text: str) -> str:
    """Put the table, as it is now, between its marks in a text.

    Raises:
        ValueError: if the marks aren't there.
    """
    before, _, rest = text.partition(TABLE_BEGIN)
    _, mark, after = rest.partition(TABLE_END)
    if not mark:
        raise ValueError(f"no {TABLE_BEGIN} ... {TABLE_END}")
    return f"{before}{TABLE_BEGIN}\n{table()}\n{TABLE_END}{after}"


def example() -> str:
    """Write a file with every setting at its default, for people to change."""
    head = "# Settings of Trunkline: the defaults (of runtime_dir, an example). Take the # away and change them.\n\n"
    defaults = Settings(runtime_dir=Path("/run/trunkline"))
    return head + "".join(
        f"{line}\n" if not line or line[0] in "#[" else f"#{line}\n" for line in _toml_lines(defaults, "")
    )


if __name__ == "__main__":
    readme = Path("README.md")
    readme.write_text(replace_table(readme.read_text("utf-8")), "utf-8")
    Path("deploy/trunkline.example.toml").write_text(example(), "utf-8")
