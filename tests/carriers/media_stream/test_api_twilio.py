from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import parse_qsl

import pytest

from offhook.carriers.media_stream.accounts import Account
from offhook.carriers.media_stream.api import CarrierApi
from offhook.carriers.media_stream.api_twilio import twilio_api
from offhook.errors import CarrierError
from tests.carriers.media_stream.carrier_fake import Asked, CarrierFake, Cut, Stall
from tests.carriers.media_stream.orders import HOOKS, ORDER, publish

ACCOUNT = "/2010-04-01/Accounts/AC3"


@asynccontextmanager
async def twilio(fake: CarrierFake) -> AsyncIterator[CarrierApi]:
    async with fake.serve() as url:
        api = twilio_api(Account("twilio", "AC3", "token-t", f"{url}/2010-04-01"), timeout_s=0.5)
        try:
            yield api
        finally:
            await api.close()


def form(asked: Asked) -> list[tuple[str, str]]:
    return parse_qsl(asked.body.decode(), keep_blank_values=True)


async def test_a_call_is_placed() -> None:
    fake = CarrierFake((201, {"sid": "CA1", "status": "queued"}))
    async with twilio(fake) as api:
        assert await api.dial(ORDER) == "CA1"
    (asked,) = fake.asked
    assert (asked.method, asked.path) == ("POST", f"{ACCOUNT}/Calls.json")
    assert asked.headers["Authorization"] == "Basic QUMzOnRva2VuLXQ="
    assert form(asked) == [
        ("To", "+15550100"),
        ("From", "+15550199"),
        ("Url", HOOKS.answer),
        ("Method", "POST"),
        ("FallbackUrl", HOOKS.fallback),
        ("FallbackMethod", "POST"),
        ("StatusCallback", HOOKS.status),
        ("StatusCallbackMethod", "POST"),
        ("StatusCallbackEvent", "initiated"),
        ("StatusCallbackEvent", "ringing"),
        ("StatusCallbackEvent", "answered"),
        ("StatusCallbackEvent", "completed"),
        ("Timeout", "45"),
        ("TimeLimit", "960"),
    ]


@pytest.mark.parametrize(("wanted", "kind"), [("verdict", "Enable"), ("message_end", "DetectMessageEnd")])
async def test_machines_are_detected_while_the_call_goes_on(wanted: str, kind: str) -> None:
    fake = CarrierFake((201, {"sid": "CA1"}))
    async with twilio(fake) as api:
        await api.dial(replace(ORDER, detect_machine=wanted, send_digits="1w"))  # type: ignore[arg-type]
    assert form(fake.asked[0])[-5:] == [
        ("MachineDetection", kind),
        ("AsyncAmd", "true"),
        ("AsyncAmdStatusCallback", HOOKS.machine),
        ("AsyncAmdStatusCallbackMethod", "POST"),
        ("SendDigits", "1w"),
    ]


async def test_sip_headers_are_not_offered() -> None:
    fake = CarrierFake()
    async with twilio(fake) as api:
        with pytest.raises(CarrierError, match="no SIP headers"):
            await api.dial(replace(ORDER, sip_headers={"a": "b"}))
    assert fake.asked == []


async def test_a_call_without_an_id_may_have_been_placed() -> None:
    async with twilio(CarrierFake((201, b"[]"))) as api:
        with pytest.raises(CarrierError, match="no sid") as caught:
            await api.dial(ORDER)
    assert caught.value.unknown


@pytest.mark.parametrize("fault", [Cut(), Stall(), (500, b"")])
async def test_placing_a_call_is_never_tried_again(fault: Cut | Stall | tuple[int, object]) -> None:
    fake = CarrierFake(fault)
    async with twilio(fake) as api:
        with pytest.raises(CarrierError) as caught:
            await api.dial(ORDER)
    assert caught.value.unknown
    assert len(fake.asked) == 1


async def test_a_refusal_is_told() -> None:
    refusal = {"code": 21211, "message": "Invalid 'To' Phone Number", "more_info": "https://…", "status": 400}
    async with twilio(CarrierFake((400, refusal))) as api:
        with pytest.raises(CarrierError, match=r"refused \(400\): Invalid 'To' Phone Number, 21211"):
            await api.dial(ORDER)


async def test_hanging_up() -> None:
    fake = CarrierFake((200, {"sid": "CA1"}))
    async with twilio(fake) as api:
        await api.hang_up("CA1")
    assert (fake.asked[0].path, form(fake.asked[0])) == (f"{ACCOUNT}/Calls/CA1.json", [("Status", "completed")])


@pytest.mark.parametrize("answer", [(404, {"code": 20404}), (400, {"code": 21220, "message": "not in-progress"})])
async def test_hanging_up_a_call_that_is_gone_is_fine(answer: tuple[int, object]) -> None:
    async with twilio(CarrierFake(answer)) as api:
        await api.hang_up("CA1")


async def test_hanging_up_may_be_refused() -> None:
    async with twilio(CarrierFake((400, {"code": 20001, "message": "Bad"}))) as api:
        with pytest.raises(CarrierError, match="Bad"):
            await api.hang_up("CA1")


async def test_a_transfer_sends_the_document_along() -> None:
    fake = CarrierFake((200, {}))
    async with twilio(fake) as api:
        await api.transfer("CA1", "<Response>é</Response>".encode(), publish)
    assert form(fake.asked[0]) == [("Twiml", "<Response>é</Response>")]


async def test_a_long_document_is_published() -> None:
    fake = CarrierFake((200, {}))
    async with twilio(fake) as api:
        await api.transfer("CA1", b"x" * 4_001, publish)
    assert form(fake.asked[0]) == [("Url", "https://x.example/documents/4001"), ("Method", "POST")]


async def test_a_recording() -> None:
    fake = CarrierFake((201, {"sid": "RE1"}))
    async with twilio(fake) as api:
        assert await api.record("CA1") == "RE1"
    assert fake.asked[0].path == f"{ACCOUNT}/Calls/CA1/Recordings.json"
    assert form(fake.asked[0]) == [("RecordingChannels", "dual")]


async def test_keys_and_files_would_end_the_stream_and_are_not_offered() -> None:
    fake = CarrierFake()
    async with twilio(fake) as api:
        with pytest.raises(CarrierError) as keys:
            await api.send_dtmf("CA1", "1")
        with pytest.raises(CarrierError) as file:
            await api.play("CA1", "https://x.example/a.mp3")
    assert (keys.value.offered, file.value.offered, fake.asked) == (False, False, [])


@pytest.mark.parametrize(
    ("answer", "live"),
    [((200, {"status": "in-progress"}), True), ((200, {"status": "completed"}), False), ((404, {}), False)],
)
async def test_whether_a_call_is_live(answer: tuple[int, object], live: bool) -> None:
    fake = CarrierFake(answer)
    async with twilio(fake) as api:
        assert await api.is_live("CA1") is live
    assert (fake.asked[0].method, fake.asked[0].path) == ("GET", f"{ACCOUNT}/Calls/CA1.json")


async def test_the_credentials_are_checked() -> None:
    fake = CarrierFake((200, {}), (401, {"code": 20003, "message": "Authenticate"}))
    async with twilio(fake) as api:
        await api.check()
        with pytest.raises(CarrierError, match="TWILIO_ACCOUNT_SID"):
            await api.check()
    assert (fake.asked[0].method, fake.asked[0].path) == ("GET", f"{ACCOUNT}.json")
