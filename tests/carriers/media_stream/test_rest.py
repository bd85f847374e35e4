import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from offhook.carriers.media_stream.accounts import Account
from offhook.carriers.media_stream.rest import CarrierRest, Reply, basic
from offhook.errors import CarrierError
from tests.carriers.media_stream.carrier_fake import CarrierFake, Cut, Stall

TOKEN = "very-secret-token"


@asynccontextmanager
async def asking(fake: CarrierFake, timeout_s: float = 5.0) -> AsyncIterator[CarrierRest]:
    async with fake.serve() as url:
        rest = CarrierRest(Account("vobiz", "MA_1", TOKEN, url), {"X-Auth-Token": TOKEN}, timeout_s=timeout_s)
        try:
            yield rest
        finally:
            await rest.close()


async def failure(fake: CarrierFake, *, again: bool = False, timeout_s: float = 5.0) -> CarrierError:
    async with asking(fake, timeout_s) as rest:
        with pytest.raises(CarrierError) as caught:
            await rest.ask("POST", "/x", json={}, again=again)
    return caught.value


async def test_json_goes_out_and_comes_back() -> None:
    fake = CarrierFake((201, {"request_uuid": "u-1"}))
    async with asking(fake) as rest:
        reply = await rest.ask("POST", "/Account/MA_1/Call/%2B1/", json={"to": "+1"})
    assert reply == Reply(201, {"request_uuid": "u-1"})
    (asked,) = fake.asked
    assert (asked.method, asked.path, asked.json) == ("POST", "/Account/MA_1/Call/%2B1/", {"to": "+1"})
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.headers["X-Auth-Token"] == TOKEN


async def test_a_form_goes_out() -> None:
    fake = CarrierFake()
    async with asking(fake) as rest:
        await rest.ask("POST", "/x", form=[("To", "+1"), ("E", "a"), ("E", "b")])
    assert fake.asked[0].body == b"To=%2B1&E=a&E=b"
    assert fake.asked[0].headers["Content-Type"].startswith("application/x-www-form-urlencoded")


def test_basic_authorization() -> None:
    assert basic(Account("plivo", "Aladdin", "open sesame", "")) == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


def test_fields_of_an_answer_as_text() -> None:
    reply = Reply(200, {"a": "", "b": None, "c": ["x", "y"], "d": 5, "e": {}})
    assert [reply.text("a", "b", "c"), reply.text("d"), reply.text("e"), reply.text("f")] == ["x", "5", "", ""]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"status": "error", "error": {"code": "bad", "message": "No such number"}}, "No such number, bad"),
        ({"error": "not found"}, "not found"),
        ({"error": "limit", "details": {"retryAfter": 2}}, 'limit, {"retryAfter":2}'),
        ({"code": 21211, "message": "Invalid 'To'", "status": 400}, "Invalid 'To', 21211"),
        (b"plain\n words", "plain words"),
    ],
)
async def test_a_refusal_is_told_in_the_carriers_words(body: object, words: str) -> None:
    error = await failure(CarrierFake((400, body)))
    assert str(error) == f"vobiz: refused (400): {words}"
    assert (error.status, error.unknown, error.carrier) == (400, False, "vobiz")


@pytest.mark.parametrize("body", [b"", b"<html><body>Bad</body></html>", b"[1]", b"{}"])
async def test_a_refusal_without_words(body: bytes) -> None:
    assert str(await failure(CarrierFake((400, body)))) == "vobiz: refused (400)"


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (401, "Check VOBIZ_AUTH_ID and VOBIZ_AUTH_TOKEN."),
        (402, "no credit"),
        (403, "verified numbers"),
        (429, "limit of calls"),
    ],
)
async def test_a_hint_says_what_to_do(status: int, hint: str) -> None:
    error = await failure(CarrierFake((status, {"error": "no"})))
    assert hint in error.hint
    assert f"vobiz: refused ({status}): no\n  {error.hint}" == str(error)


async def test_words_are_cut_and_never_hold_the_token() -> None:
    error = await failure(CarrierFake((400, {"error": f"token {TOKEN} \x1b[31m is wrong " + "x" * 1_000})))
    assert TOKEN not in str(error)
    assert "\x1b" not in str(error)
    assert str(error).startswith("vobiz: refused (400): token *** [31m is wrong xxx")
    assert len(str(error)) < 400


async def test_a_huge_answer_is_not_read_to_its_end() -> None:
    error = await failure(CarrierFake((500, b'"' + b"x" * 10_000_000 + b'"')))
    assert len(str(error)) < 400


async def test_a_fault_of_the_carrier_leaves_the_outcome_open() -> None:
    fake = CarrierFake((503, {"error": "down"}))
    error = await failure(fake)
    assert str(error) == "vobiz: failed (503): down"
    assert error.unknown
    assert len(fake.asked) == 1


async def test_a_connection_that_breaks_leaves_the_outcome_open_and_nothing_is_tried_again() -> None:
    fake = CarrierFake(Cut())
    error = await failure(fake)
    assert error.unknown
    assert "no answer from 127.0.0.1" in str(error)
    assert len(fake.asked) == 1


async def test_a_time_limit_leaves_the_outcome_open_and_nothing_is_tried_again() -> None:
    fake = CarrierFake(Stall())
    error = await failure(fake, timeout_s=0.2)
    assert error.unknown
    assert "(time limit)" in str(error)
    assert len(fake.asked) == 1


async def test_who_cannot_be_reached_was_asked_nothing() -> None:
    rest = CarrierRest(Account("vobiz", "MA_1", TOKEN, "http://127.0.0.1:1"), {})
    with pytest.raises(CarrierError, match=r"127\.0\.0\.1 cannot be reached") as caught:
        await rest.ask("POST", "/x")
    await rest.close()
    assert not caught.value.unknown
    assert "vobiz.api_url" in caught.value.hint


@pytest.mark.parametrize("first", [Cut(), (502, b"")])
async def test_what_may_be_asked_again_is_asked_once_more(first: Cut | tuple[int, bytes]) -> None:
    fake = CarrierFake(first, (200, {}))
    async with asking(fake) as rest:
        assert (await rest.ask("DELETE", "/x", again=True)).status == 200
    assert len(fake.asked) == 2


async def test_and_not_a_third_time() -> None:
    fake = CarrierFake((502, b""), (502, b""))
    await failure(fake, again=True)
    assert len(fake.asked) == 2


async def test_a_refusal_is_not_asked_again() -> None:
    fake = CarrierFake((401, b""))
    await failure(fake, again=True)
    assert len(fake.asked) == 1


async def test_a_status_may_be_fine() -> None:
    async with asking(CarrierFake((404, b""))) as rest:
        assert (await rest.ask("DELETE", "/x", fine=(404,))).status == 404


async def test_redirects_are_not_followed() -> None:
    fake = CarrierFake((307, b""))
    assert (await failure(fake)).status == 307
    assert len(fake.asked) == 1


async def test_the_token_is_not_logged(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    with caplog.at_level(logging.DEBUG):
        await failure(CarrierFake(Cut(), Cut()), again=True)
    assert TOKEN not in caplog.text + "".join(capsys.readouterr())
