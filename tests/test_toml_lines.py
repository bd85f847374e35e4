import tomllib
from typing import Any

import pytest

from offhook.toml_lines import KeyPath, key_lines

DOCUMENT = r"""# a comment with [table] and key = 1
[server]
http_port = 8000 # trailing
"quoted key" = 1
'single.quoted' = 2
"esc\"aped\u0041" = 3
a.b . "c" = true

[agents.reception]
greeting = QQQ
[not.a.table]
key = 'not a key' \QQQ still text
QQQ
instructions = '''
[[nor]] this
'''
llm = { base_url = "http://x/#y", nested = { deep = [1, 2] }, when = 2026-01-02T03:04:05Z }
list = [
  "one", # first
  "two, three",
  { inner = 1 },
]

[agents.reception.turns]
silence_ms = 500

[[routes]]
agent = "a"

[[routes]]
agent = "b"
[routes.extra]
x = 1
[[routes.deep]]
y = 1
[[routes.deep]]
y = 2
""".replace("QQQ", '"' * 3)

LINES: dict[KeyPath, int] = {
    ("server",): 2,
    ("server", "http_port"): 3,
    ("server", "quoted key"): 4,
    ("server", "single.quoted"): 5,
    ("server", 'esc"apedA'): 6,
    ("server", "a", "b", "c"): 7,
    ("agents",): 9,
    ("agents", "reception", "greeting"): 10,
    ("agents", "reception", "instructions"): 14,
    ("agents", "reception", "llm", "base_url"): 17,
    ("agents", "reception", "llm", "nested", "deep", 1): 17,
    ("agents", "reception", "list", 0): 19,
    ("agents", "reception", "list", 1): 20,
    ("agents", "reception", "list", 2, "inner"): 21,
    ("agents", "reception", "turns", "silence_ms"): 25,
    ("routes", 0, "agent"): 28,
    ("routes", 1, "agent"): 31,
    ("routes", 1, "extra", "x"): 33,
    ("routes", 1, "deep", 0, "y"): 35,
    ("routes", 1, "deep", 1, "y"): 37,
}


def paths(value: Any, above: KeyPath = ()) -> set[KeyPath]:
    """Every path of a parsed document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {above} | {path for key, inner in items for path in paths(inner, (*above, key))}


@pytest.mark.parametrize("path", LINES, ids=str)
def test_line_of(path: KeyPath) -> None:
    assert key_lines(DOCUMENT)[path] == LINES[path]


def test_finds_every_key_the_parser_finds_and_no_other() -> None:
    assert set(key_lines(DOCUMENT)) | {()} == paths(tomllib.loads(DOCUMENT))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n# only\n",
        "a=1",
        "a = 1\r\nb = 2\r\n",
        'a = """x"""""',
        "a = [[1, 2], [3]]",
        "a = {}",
        "a = []",
        "[a]",
        "a = -1.5e3",
    ],
)
def test_small_documents(text: str) -> None:
    assert set(key_lines(text)) | {()} == paths(tomllib.loads(text))


def test_invalid_toml_is_refused_and_does_not_hang() -> None:
    with pytest.raises(ValueError, match="line 2"):
        key_lines("a = 1\n= 2\n")
