from typing import Any

import orjson
import pytest

from offhook.errors import WireError
from offhook.toolkits.http_answer import HttpAnswer, what_it_says


def said(body: bytes, kind: str = "application/json", status: int = 200, pointer: str = "", most: int = 200) -> Any:
    return what_it_says(HttpAnswer(status, kind, body), pointer, most)


DATA = {"data": [{"name": "Ann", "a/b": 1, "m~n": 2, "": 3}], "0": "zero"}


@pytest.mark.parametrize(
    ("pointer", "part"),
    [
        ("", DATA),
        ("/data/0/name", "Ann"),
        ("/data/0/a~1b", 1),
        ("/data/0/m~0n", 2),
        ("/data/0/", 3),
        ("/0", "zero"),
        ("/data/1", None),
        ("/data/-1", None),
        ("/data/x", None),
        ("/data/²", None),
        ("/nothing/at/all", None),
        ("/0/x", None),
    ],
)
def test_the_part_that_was_asked_for(pointer: str, part: Any) -> None:
    assert said(orjson.dumps(DATA), pointer=pointer) == part


def test_only_the_part_must_be_short() -> None:
    assert said(orjson.dumps({"a": 1, "b": "x" * 1_000}), pointer="/a") == 1


@pytest.mark.parametrize(
    ("kind", "body", "what"),
    [
        ("text/plain", b"open until f\xc3\xbcnf", "open until fünf"),
        ("", b"plain", "plain"),
        ("text/plain", b"\xff", "�"),
        ("application/json", b"", {"status": "done"}),
        ("application/problem+json", b"[1]", [1]),
    ],
)
def test_other_answers(kind: str, body: bytes, what: Any) -> None:
    assert said(body, kind) == what


@pytest.mark.parametrize(
    ("kind", "body", "pointer", "problem"),
    [
        ("application/json", b"{", "", "not valid JSON"),
        ("application/json", b"\xff", "", "not valid JSON"),
        ("application/json", b"[" * 100_000, "", "not valid JSON"),
        ("application/json", b"[" * 500 + b"]" * 500, "", "nested too deeply"),
        ("application/json", b'"' + b"x" * 300 + b'"', "", "302 bytes, of 200; let `result`"),
        ("text/plain", b"x" * 300, "", "302 bytes"),
        ("text/html", b"<p>", "/data", 'no JSON but "text/html"'),
        ("image/png", b"\x89PNG", "", 'no JSON but "image/png"'),
    ],
)
def test_answers_that_no_model_gets(kind: str, body: bytes, pointer: str, problem: str) -> None:
    with pytest.raises(WireError, match=problem):
        said(body, kind, pointer=pointer)


@pytest.mark.parametrize("status", [100, 304, 301, 401, 403, 407, 408, 429, 500, 503, 599, 999])
def test_statuses_that_are_not_the_models_trouble(status: int) -> None:
    with pytest.raises(WireError, match=f"^HTTP {status}$"):
        said(b'{"error":"key abc is wrong"}', status=status)


@pytest.mark.parametrize(
    ("kind", "body", "error"),
    [
        ("application/json", b'{"message":"no such customer"}', {"message": "no such customer"}),
        ("application/json", b'"' + b"x" * 500 + b'"', '"' + "x" * 199),
        ("application/json", b"", "Not Found"),
        ("text/plain", b"nobody " * 100, ("nobody " * 100)[:200]),
        ("text/html", b"<h1>404</h1>", "Not Found"),
        ("", b"x", "Not Found"),
    ],
)
def test_a_refusal_is_told_in_short(kind: str, body: bytes, error: Any) -> None:
    assert said(body, kind, 404, pointer="/data") == {"status": 404, "error": error}


def test_a_refusal_without_a_name() -> None:
    assert said(b"", status=499) == {"status": 499, "error": "refused"}
