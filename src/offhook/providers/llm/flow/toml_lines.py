"""On which line of a TOML file a key stands."""

import re

__all__ = ["line_of"]

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=(.*)$""")
_STRINGS = re.compile(r'"(?:\\.|[^"\\])*"|\'[^\']*\'')
_Path = tuple[str | int, ...]


def line_of(text: str, path: _Path) -> int | None:
    """The line of the key at `path`, or of the nearest table around it that has one."""
    lines = _key_lines(text)
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


def _key_lines(text: str) -> dict[_Path, int]:
    lines: dict[_Path, int] = {}
    table: _Path = ()
    entries: dict[_Path, int] = {}
    depth, quote = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        if quote or depth > 0:
            depth, quote = _after(line, depth, quote)
        elif header := _HEADER.match(line):
            table = _table(header[2], entries, repeated=header[1] == "[[")
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines[table + _parts(key[1])] = number
            depth, quote = _after(key[2], 0, "")
    return lines


def _table(written: str, entries: dict[_Path, int], *, repeated: bool) -> _Path:
    name = _parts(written)
    if repeated:
        entries[name] = entries.get(name, -1) + 1
    path: _Path = ()
    for part in name:
        path = (*path, part)
        plain = tuple(step for step in path if isinstance(step, str))
        if plain in entries:
            path = (*path, entries[plain])
    return path


def _parts(written: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(r"""[\w-]+|"[^"]*"|'[^']*'""", written))


def _after(line: str, depth: int, quote: str) -> tuple[int, str]:
    """How many brackets, and which long quote, are open after a line."""
    for mark in ('"""', "'''"):
        if (quote or mark) == mark and line.count(mark) % 2:
            return depth, "" if quote else mark
    if quote:
        return depth, quote
    bare = _STRINGS.sub("", line).split("#")[0]
    return depth + bare.count("[") + bare.count("{") - bare.count("]") - bare.count("}"), ""
