import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from backend.api import make_app, serving
from backend.store import Store
from tests.examples.home_services.conftest import NOW, TUESDAY, visit

VISIT = visit().model_dump(mode="json")
LEAD = {
    "caller_name": "Ann Lee",
    "phone_number": "5550199",
    "service_needed": "A tap",
    "urgency": "standard",
    "address": "1 Elm Street",
}
TEXT = {"phone_number": "5550199", "message": "Hello."}


@pytest_asyncio.fixture
async def session(tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    store = Store(tmp_path / "company.sqlite3", lambda: NOW, wait_s=0.05)
    async with serving(make_app(store, "key-of-the-company"), "127.0.0.1", 0) as port:
        headers = {"Authorization": "Bearer key-of-the-company"}
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}/", headers=headers) as session:
            yield session


async def ask(session: aiohttp.ClientSession, method: str, path: str, **more: Any) -> tuple[int, Any]:
    async with session.request(method, path, **more) as answer:
        return answer.status, await answer.json()


async def test_a_visit_from_the_question_to_the_diary(session: aiohttp.ClientSession) -> None:
    status, told = await ask(session, "GET", f"availability?date={TUESDAY}&service_type=heating&part=morning")
    assert (status, told["free"]) == (200, ["08:00", "10:00"])
    headers = {"Idempotency-Key": "call-1-tool-1"}
    answers = [await ask(session, "POST", "visits", json=VISIT, headers=headers) for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0][1]["status"] == "booked"
    _, everything = await ask(session, "GET", "everything")
    assert [each["reference"] for each in everything["visits"]][2:] == [answers[0][1]["reference"]]


async def test_customers_and_their_history(session: aiohttp.ClientSession) -> None:
    assert (await ask(session, "GET", "customers/number%20+15550142"))[1]["name"] == "Robert Hill"
    assert (await ask(session, "GET", "customers/+15550142/history"))[1]["last_service"] == "electrical"
    assert await ask(session, "GET", "customers/anonymous") == (200, {"status": "unknown"})
    assert (await ask(session, "GET", "customers/number/history"))[1]["status"] == "unknown"


async def test_leads_and_texts(session: aiohttp.ClientSession) -> None:
    assert (await ask(session, "POST", "leads", json=LEAD))[1]["status"] == "created"
    assert await ask(session, "POST", "texts", json=TEXT) == (200, {"status": "queued", "reference": "T-1"})


@pytest.mark.parametrize("given", ["", "Bearer other", "Bearer ", "Basic key-of-the-company", "Bearer schl\u00fcssel"])
async def test_who_has_not_the_key(session: aiohttp.ClientSession, given: str) -> None:
    for path in ("everything", "customers/15550142", "nothing"):
        status, told = await ask(session, "GET", path, headers={"Authorization": given})
        assert (status, told) == (401, {"error": "the key is missing or wrong"})
    assert await ask(session, "GET", "health", headers={"Authorization": given}) == (200, {"status": "ok"})


async def test_without_a_key_everybody_may_ask(tmp_path: Path) -> None:
    app = make_app(Store(tmp_path / "company.sqlite3"))
    async with serving(app, "127.0.0.1", 0) as port, aiohttp.ClientSession(f"http://127.0.0.1:{port}/") as session:
        assert (await ask(session, "GET", "customers/15550123"))[0] == 200


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("visits", b"", "the body: "),
        ("visits", b"{", "the body: "),
        ("visits", b"\xff\xfe", "the body: "),
        ("visits", b"[]", "the body: "),
        ("visits", VISIT | {"customer_name": " "}, "customer_name: "),
        ("visits", VISIT | {"phone_number": "12"}, "phone_number: "),
        ("visits", VISIT | {"phone_number": "1" * 16}, "phone_number: "),
        ("visits", VISIT | {"phone_number": "\u0661\u0662\u0663\u0664\u0665"}, "phone_number: "),
        ("visits", VISIT | {"service_type": "gardening"}, "service_type: "),
        ("visits", VISIT | {"preferred_date": "tomorrow"}, "preferred_date: "),
        ("visits", VISIT | {"preferred_time": "night"}, "preferred_time"),
        ("visits", VISIT | {"address": ""}, "address: "),
        ("visits", VISIT | {"price": 0}, "price: "),
        ("visits", {}, "customer_name: "),
        ("leads", LEAD | {"urgency": "now"}, "urgency: "),
        ("leads", LEAD | {"email": "x" * 201}, "email: "),
        ("texts", TEXT | {"message": "x" * 161}, "message: "),
        ("texts", TEXT | {"message": ""}, "message: "),
    ],
)
async def test_malformed_input(session: aiohttp.ClientSession, path: str, body: Any, said: str) -> None:
    more = {"data": body} if isinstance(body, bytes) else {"json": body}
    status, told = await ask(session, "POST", path, **more)
    assert status == 422
    assert told["error"].startswith(said)
    _, everything = await ask(session, "GET", "everything")
    assert [len(everything[table]) for table in ("visits", "leads", "texts")] == [2, 0, 0]


@pytest.mark.parametrize("asked", ["", "date=x&service_type=heating", f"date={TUESDAY}&service_type=x", "date=1&x=2"])
async def test_a_malformed_question(session: aiohttp.ClientSession, asked: str) -> None:
    assert (await ask(session, "GET", f"availability?{asked}"))[0] == 422


async def test_a_body_that_is_too_long(session: aiohttp.ClientSession) -> None:
    async with session.post("visits", data=b"x" * 70_000) as answer:
        assert answer.status == 413


async def test_a_locked_file_is_a_503(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "company.sqlite3")
    other.execute("BEGIN IMMEDIATE")
    assert (await ask(session, "POST", "visits", json=VISIT))[0] == 503
    other.close()
    assert (await ask(session, "POST", "visits", json=VISIT))[1]["status"] == "booked"
