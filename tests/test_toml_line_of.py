import tomllib

from offhook.toml_lines import line_of

_TEXT = '''a = 1
[table]
b = [
    "[not.a.table]",
    "x = 1",
]
text = """
c = 3
"""
"quoted key" = 2
d.e = 4
[table.inner] # comment
f = { g = 1 }

[[rows]]
h = 1
[[rows]]
h = 2
[rows.sub]
i = 3
'''


def test_lines() -> None:
    tomllib.loads(_TEXT)
    expected: dict[tuple[str | int, ...], int | None] = {
        ("a",): 1,
        ("table",): 2,
        ("table", "b"): 3,
        ("table", "b", 1): 5,
        ("table", "text"): 7,
        ("table", "c"): 2,
        ("table", "quoted key"): 10,
        ("table", "d", "e"): 11,
        ("table", "inner"): 12,
        ("table", "inner", "f", "g"): 13,
        ("rows", 0, "h"): 16,
        ("rows", 1, "h"): 18,
        ("rows", 1, "sub", "i"): 20,
        ("nowhere",): None,
    }
    assert {path: line_of(_TEXT, path) for path in expected} == expected
