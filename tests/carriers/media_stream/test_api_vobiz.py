from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from offhook.carriers.media_stream.accounts import Account
from offhook.carriers.media_stream.api import CarrierApi
from offhook.carriers.media_stream.api_vobiz import vobiz_api
from offhook.errors import CarrierError
from tests.carriers.media_stream.carrier_fake import CarrierFake, Cut, Stall
from tests.carriers.media_stream.orders import HOOKS, ORDER, publish

CALLS = "/api/v1/Account/MA_1/Call/"


@asynccontextmanager
async def vobiz(fake: CarrierFake) -> AsyncIterator[CarrierApi]:
    async with fake.serve() as url:
        api = vobiz_api(Account("vobiz", "MA_1", "token-v", f"{url}/api/v1"), timeout_s=0.5)
        try:
            yield api
        finally:
            await api.close()


async def test_a_call_is_placed() -> None:
    fake = CarrierFake((201, {"api_id": "a", "message": "Call fired", "request_uuid": "u-1"}))
    async with vobiz(fake) as api:
        assert await api.dial(ORDER) == "u-1"
    (asked,) = fake.asked
    assert (asked.method, asked.path) == ("POST", CALLS)
    assert (asked.headers["X-Auth-ID"], asked.headers["X-Auth-Token"]) == ("MA_1", "token-v")
    assert "Authorization" not in asked.headers
    assert asked.json == {
        "from": "+15550199",
        "to": "+15550100",
        "answer_url": HOOKS.answer,
        "answer_method": "POST",
        "ring_url": HOOKS.ring,
        "ring_method": "POST",
        "hangup_url": HOOKS.hangup,
        "hangup_method": "POST",
        "fallback_url": HOOKS.fallback,
        "fallback_method": "POST",
        "ring_timeout": 45,
        "time_limit": 960,
    }


async def test_a_call_is_placed_with_everything_that_may_be_asked_for() -> None:
    fake = CarrierFake((200, {"request_uuid": "u-1"}))
    order = replace(
        ORDER, detect_machine="verdict", caller_name="A" * 60, send_digits="1w2", sip_headers={"Case": "7", "Desk": "x"}
    )
    async with vobiz(fake) as api:
        await api.dial(order)
    body = fake.asked[0].json
    assert body["machine_detection"] == "true"
    assert (body["machine_detection_url"], body["machine_detection_method"]) == (HOOKS.machine, "POST")
    assert body["caller_name"] == "A" * 50
    assert (body["send_digits"], body["sip_headers"]) == ("1w2", "Case=7,Desk=x")


@pytest.mark.parametrize("field", ["request_uuid", "call_uuid", "CallUUID", "RequestUUID"])
async def test_the_id_of_a_call_has_several_names(field: str) -> None:
    async with vobiz(CarrierFake((200, {field: "u-1"}))) as api:
        assert await api.dial(ORDER) == "u-1"


async def test_a_call_without_an_id_may_have_been_placed() -> None:
    async with vobiz(CarrierFake((200, {}))) as api:
        with pytest.raises(CarrierError, match="gave it no id") as caught:
            await api.dial(ORDER)
    assert caught.value.unknown


@pytest.mark.parametrize("fault", [Cut(), Stall(), (500, b""), (503, {"error": "busy"})])
async def test_placing_a_call_is_never_tried_again(fault: Cut | Stall | tuple[int, object]) -> None:
    fake = CarrierFake(fault)
    async with vobiz(fake) as api:
        with pytest.raises(CarrierError) as caught:
            await api.dial(ORDER)
    assert caught.value.unknown
    assert len(fake.asked) == 1


async def test_hanging_up() -> None:
    fake = CarrierFake((204, b""))
    async with vobiz(fake) as api:
        await api.hang_up("u-1")
    assert [(asked.method, asked.path) for asked in fake.asked] == [("DELETE", f"{CALLS}u-1/")]


async def test_hanging_up_a_call_that_is_gone_is_fine() -> None:
    async with vobiz(CarrierFake((404, {"error": "not found"}))) as api:
        await api.hang_up("u-1")


async def test_hanging_up_is_tried_once_more() -> None:
    fake = CarrierFake((502, b""), (204, b""))
    async with vobiz(fake) as api:
        await api.hang_up("u-1")
    assert len(fake.asked) == 2


async def test_a_transfer_publishes_the_document() -> None:
    fake = CarrierFake((202, {"message": "call transferred"}))
    async with vobiz(fake) as api:
        await api.transfer("u-1", b"<Response/>", publish)
    assert (fake.asked[0].method, fake.asked[0].path) == ("POST", f"{CALLS}u-1/")
    assert fake.asked[0].json == {
        "legs": "aleg",
        "aleg_url": "https://x.example/documents/11",
        "aleg_method": "POST",
    }


async def test_keys_a_file_and_a_recording() -> None:
    fake = CarrierFake((202, {}), (202, {}), (202, {"recording_id": "r-1", "url": "https://r"}))
    async with vobiz(fake) as api:
        await api.send_dtmf("u-1", "12w#")
        await api.play("u-1", "https://x.example/a.mp3")
        assert await api.record("u-1") == "r-1"
    assert [(asked.path, asked.json) for asked in fake.asked] == [
        (f"{CALLS}u-1/DTMF/", {"digits": "12w#", "leg": "aleg"}),
        (f"{CALLS}u-1/Play/", {"urls": ["https://x.example/a.mp3"], "legs": "aleg"}),
        (f"{CALLS}u-1/Record/", {"time_limit": 14_400, "file_format": "mp3"}),
    ]


async def test_keys_that_cannot_be_pressed_are_not_sent() -> None:
    fake = CarrierFake()
    async with vobiz(fake) as api:
        with pytest.raises(CarrierError) as caught:
            await api.send_dtmf("u-1", "1A")
    assert not caught.value.offered
    assert fake.asked == []


async def test_an_id_cannot_leave_its_place_in_the_address() -> None:
    fake = CarrierFake((204, b""))
    async with vobiz(fake) as api:
        await api.hang_up("../../x?y#z%")
    assert fake.asked[0].path == f"{CALLS}..%2F..%2Fx%3Fy%23z%25/"


@pytest.mark.parametrize(("status", "live"), [(200, True), (404, False)])
async def test_whether_a_call_is_live(status: int, live: bool) -> None:
    fake = CarrierFake((status, {"call_state": "ACTIVE"}))
    async with vobiz(fake) as api:
        assert await api.is_live("u-1") is live
    assert (fake.asked[0].method, fake.asked[0].path) == ("GET", f"{CALLS}u-1/?status=live")


async def test_the_credentials_are_checked() -> None:
    fake = CarrierFake((200, {"calls": []}), (401, {"error": "unauthorized"}))
    async with vobiz(fake) as api:
        await api.check()
        with pytest.raises(CarrierError, match="VOBIZ_AUTH_ID"):
            await api.check()
    assert (fake.asked[0].method, fake.asked[0].path) == ("GET", f"{CALLS}?status=live")
