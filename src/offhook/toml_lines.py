"""On which line of a TOML file each key stands.

The standard library's parser gives values without their places. This walk over the same text finds the places; it
trusts the text to be valid, so parse with `tomllib` first.
"""

import re

__all__ = ["KeyPath", "key_lines", "line_of"]

KeyPath = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:""?(?!"))?'
    r"|'''.*?'''(?:''?(?!'))?"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\r\n]+")
_ESCAPE = re.compile(r'\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|["\\bfnrt])')
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def key_lines(text: str) -> dict[KeyPath, int]:
    """Lines, from 1, of every table, key and array item in the valid TOML `text`.

    Items of arrays, and tables of `[[arrays]]`, have their index in the path: `("routes", 0, "agent")`.
    """
    return _Walk(text).document()


def line_of(text: str, path: KeyPath) -> int | None:
    """The line of `path` in the valid TOML `text`, or of the nearest table around it that has one."""
    lines = key_lines(text)
    around = (path[:length] for length in range(len(path), 0, -1))
    return next((lines[part] for part in around if part in lines), None)


def _unescape(found: re.Match[str]) -> str:
    code = found[1]
    return chr(int(code[1:], 16)) if code[0] in "uU" and len(code) > 1 else _ESCAPED.get(code, code)


class _Walk:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self.arrays: dict[KeyPath, int] = {}

    def document(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while self._skip():
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
        return self.lines

    def _skip(self) -> str:
        """Pass blanks and comments; what comes then, or nothing at the end."""
        blank = _BLANK.match(self.text, self.at)
        self.at = blank.end() if blank else self.at
        return self.text[self.at : self.at + 1]

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise ValueError(f"not valid TOML at line {self._line()}")
        self.at = found.end()
        return found[0]

    def _line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1

    def _note(self, path: KeyPath, line: int) -> None:
        for length in range(1, len(path) + 1):
            self.lines.setdefault(path[:length], line)

    def _header(self) -> KeyPath:
        line = self._line()
        depth = 2 if self.text.startswith("[[", self.at) else 1
        self.at += depth
        names = self._names()
        self.at += depth
        path = self._indexed(names[:-1])
        path = self._next_item((*path, names[-1])) if depth == 2 else (*path, names[-1])
        self._note(path, line)
        return path

    def _next_item(self, array: KeyPath) -> KeyPath:
        self.arrays[array] = self.arrays.get(array, -1) + 1
        return (*array, self.arrays[array])

    def _indexed(self, names: list[str]) -> KeyPath:
        """The path of a table's parent: a name that is an array of tables means its latest one."""
        path: KeyPath = ()
        for name in names:
            path = (*path, name)
            path = (*path, self.arrays[path]) if path in self.arrays else path
        return path

    def _names(self) -> list[str]:
        """A dotted key, up to the `=` or `]` after it."""
        names = [self._name()]
        while self._skip() == ".":
            self.at += 1
            names.append(self._name())
        return names

    def _name(self) -> str:
        opening = self._skip()
        if opening == '"':
            return _ESCAPE.sub(_unescape, self._take(_STRING)[1:-1])
        return self._take(_STRING)[1:-1] if opening == "'" else self._take(_BARE)

    def _pair(self, table: KeyPath) -> None:
        line = self._line()
        path = (*table, *self._names())
        self._note(path, line)
        self.at += 1
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        opening = self._skip()
        if opening == "[":
            self._array(path)
        elif opening == "{":
            self._inline_table(path)
        else:
            self._take(_STRING if opening in "\"'" else _SCALAR)

    def _array(self, path: KeyPath) -> None:
        self.at += 1
        index = 0
        while self._skip() != "]":
            self._note((*path, index), self._line())
            self._value((*path, index))
            index += 1
            self._comma()
        self.at += 1

    def _inline_table(self, path: KeyPath) -> None:
        self.at += 1
        while self._skip() != "}":
            self._pair(path)
            self._comma()
        self.at += 1

    def _comma(self) -> None:
        if self._skip() == ",":
            self.at += 1
