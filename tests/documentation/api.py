"""Writes `router/API.md`, the reference of all public names: `python -m tests.documentation.api`."""

import re
from collections.abc import Iterator
from pathlib import Path

import griffe

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "router/API.md"
SECTIONS = {
    "router.server": "Server",
    "router.connections.listeners": "Server",
    "router.settings": "Server",
    "router.rtsp.auth": "Server",
    "router.handlers": "Handlers",
    "router.handlers.clients": "Connections and sessions",
    "router.state.sessions": "Connections and sessions",
    "router.handlers.session_stats": "Connections and sessions",
    "router.rtsp.session_state": "Connections and sessions",
    "router.rtsp": "Requests and responses",
    "router.streams": "Streams",
    "router.files": "Files",
    "router.description": "Session descriptions",
}
"""Where names stand, by the package that they are defined in: the longest that fits."""
QUOTES = "\"'"
HEAD = """# The Python API

Made from the docstrings by `python -m tests.documentation.api`; a test compares. All names are in `router`; those of
"Session descriptions" are in `router.description`. Times are in seconds, `ntp` is Unix time, clock rates are in Hz.
What a context, an answer or a format is made with are its attributes too: `context.path`, `request.headers`.
How to use them is in the [README](../README.md), what stands for which name of gortsplib in
[GORTSPLIB.md](GORTSPLIB.md).
"""


def write() -> str:
    """Give the page as it is to be now."""
    names = list(public_names())
    documented = {found.path for _, found in names}
    sections: dict[str, list[str]] = {title: [] for title in SECTIONS.values()}
    for name, found in names:
        sections[_section(found)].append("\n".join(_describe(name, found, documented)))
    pages = [f"## {title}\n\n" + "\n".join(entries) for title, entries in sections.items() if entries]
    return HEAD + "\n" + "\n".join(pages)


def public_names() -> Iterator[tuple[str, griffe.Object]]:
    """Give every public name of `router` and `router.description`, with what it stands for."""
    package = griffe.load("router", search_paths=[ROOT], resolve_aliases=True)
    for module in (package, package["description"]):
        for name in module.exports or ():
            found = module[str(name)]
            yield str(name), found.final_target if isinstance(found, griffe.Alias) else found


def _section(found: griffe.Object) -> str:
    fits = [each for each in SECTIONS if found.path.startswith(f"{each}.")]
    assert fits, f"{found.path}: no section of {__file__} is for it"
    return SECTIONS[max(fits, key=len)]


def _describe(name: str, found: griffe.Object, documented: set[str]) -> Iterator[str]:
    yield f"### `{name}`\n"
    members: list[str] = []
    if isinstance(found, griffe.Class):
        yield f"```python\nclass {name}{_bases(found)}\n```\n"
        members = [line for each in _members(found, documented) for line in _describe_member(name, each)]
        if "Enum" in "".join(str(each) for each in found.bases):
            values = [each for each in found.members.values() if isinstance(each, griffe.Attribute)]
            members = [f"- `{each.name} = {each.value}`" for each in values]
    elif isinstance(found, griffe.Function):
        yield f"```python\n{_signature(name, found)}\n```\n"
    else:
        yield f"```python\n{name} = {str(getattr(found, 'value', '...')).strip(QUOTES)}\n```\n"
    text = _clean(found)
    if text:
        yield f"{text}\n"
    yield from members
    if members:
        yield ""


def _bases(found: griffe.Class) -> str:
    bases = [str(each).rpartition(".")[2] for each in found.bases]
    shown = [each for each in bases if each not in ("Protocol", "BaseModel", "BaseSettings")]
    return f"({', '.join(shown)})" if shown else ""


def _members(found: griffe.Class, documented: set[str]) -> Iterator[griffe.Object]:
    """Give its public members, but those of bases that have an entry of their own."""
    for name, member in sorted(found.all_members.items(), key=lambda each: each[0] != "__init__"):
        target = member.final_target if isinstance(member, griffe.Alias) else member
        parent = target.parent
        elsewhere = parent is not None and parent is not found and parent.path in documented
        if (name.startswith("_") and name != "__init__") or name.startswith("settings_") or elsewhere:
            continue
        if isinstance(target, griffe.Function):
            if target.docstring or name == "__init__":
                yield target
        elif isinstance(target, griffe.Attribute) and (
            target.docstring or not (_is_dataclass(found) or "class-attribute" in target.labels)
        ):
            yield target


def _is_dataclass(found: griffe.Class) -> bool:
    return any("dataclass" in str(each.value) for each in found.decorators)


def _describe_member(name: str, member: griffe.Object) -> Iterator[str]:
    text = "\n".join(f"  {line}".rstrip() for line in _clean(member).splitlines()).strip()
    if isinstance(member, griffe.Function):
        shown = _signature(name if member.name == "__init__" else member.name, member)
    else:
        annotation = getattr(member, "annotation", None)
        shown = f"{member.name}: {annotation}" if annotation else member.name
    yield f"- `{shown}`" + (f"<br>{text}" if text else "")


def _signature(name: str, function: griffe.Function) -> str:
    parameters = [each for each in function.parameters if each.name not in ("self", "cls")]
    shown: list[str] = []
    for each in parameters:
        is_keyword = each.kind is griffe.ParameterKind.keyword_only
        if str(each.annotation) == "ClassVar" or str(each.annotation).startswith("ClassVar["):
            continue
        if is_keyword and not any(part.startswith("*") for part in shown):
            shown.append("*")
        shown.append(_parameter(each))
    returns = f" -> {function.returns}" if function.returns is not None and function.name != "__init__" else ""
    return f"{'async ' if 'async' in function.labels else ''}{name}({', '.join(shown)}){returns}"


def _parameter(parameter: griffe.Parameter) -> str:
    stars = {griffe.ParameterKind.var_positional: "*", griffe.ParameterKind.var_keyword: "**"}
    text = stars.get(parameter.kind or griffe.ParameterKind.positional_or_keyword, "") + parameter.name
    if parameter.annotation is not None:
        text += f": {parameter.annotation}"
    if parameter.default is not None and not text.startswith("*"):
        default = str(parameter.default)
        text += " = ..." if "(" in default and default != "()" else f" = {default}"
    return text


def _clean(found: griffe.Object) -> str:
    if found.docstring is None:
        return ""
    text = found.docstring.value.strip() + "\n"
    return re.sub(r"\n( *)Raises:\n((?:\1 +.*\n?)+)", _raises, text).strip()


def _raises(match: re.Match[str]) -> str:
    """Make a list of the errors: without one, Markdown would run them together."""
    entries: list[str] = []
    for line in match[2].splitlines():
        if re.match(r"[\w, ]+:", line.strip()) and not line.startswith(match[1] + "     "):
            entries.append(line.strip())
        else:
            entries[-1] += f" {line.strip()}"
    return f"\n{match[1]}Raises:\n\n" + "".join(f"{match[1]}- {each}\n" for each in entries)


if __name__ == "__main__":
    PAGE.write_text(write(), "utf-8")
