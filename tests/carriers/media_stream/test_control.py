import asyncio

import pytest

from offhook.calls.leg import CallControl
from offhook.carriers.media_stream.api import Publish
from offhook.carriers.media_stream.control import StreamControl
from offhook.errors import CallError, CarrierError
from tests.carriers.media_stream.paper_api import PaperApi


def as_calls_see_it(api: PaperApi) -> CallControl:
    return control(api)


def control(api: PaperApi) -> StreamControl:
    return StreamControl(
        api, "u-1", publish=lambda document: f"https://x.example/{document.decode()}", dial_document=str.encode
    )


async def test_what_a_call_may_be_asked_to_do() -> None:
    api = PaperApi()
    of_the_call = as_calls_see_it(api)
    await of_the_call.transfer("+1 555 0100")
    await of_the_call.send_dtmf("1w2")
    await of_the_call.play("https://x.example/a.mp3")
    assert await of_the_call.record() == "recording-1"
    await control(api).hang_up()
    assert api.done == [
        ("transfer", "u-1", "https://x.example/+15550100"),
        ("send_dtmf", "u-1", "1w2"),
        ("play", "u-1", "https://x.example/a.mp3"),
        ("record", "u-1"),
        ("hang_up", "u-1"),
    ]


async def test_what_is_wrong_is_refused_before_the_carrier_hears_of_it() -> None:
    api = PaperApi()
    with pytest.raises(CallError, match="no telephone number"):
        await control(api).transfer("the boss")
    with pytest.raises(CallError, match="no keys"):
        await control(api).send_dtmf("hello")
    with pytest.raises(CallError, match="no address"):
        await control(api).play("file:///etc/passwd")
    assert api.done == []


async def test_a_refusal_of_the_carrier_comes_through() -> None:
    api = PaperApi()
    api.fails = CarrierError("no such call", carrier="vobiz", status=404)
    with pytest.raises(CarrierError, match="no such call"):
        await control(api).transfer("+15550100")


async def test_two_calls_meet_in_a_conference_who_was_called_first() -> None:
    api = PaperApi()
    other = StreamControl(api, "u-2", publish=str, dial_document=str.encode)
    await as_calls_see_it(api).bridge(other)
    (first, second) = api.done
    assert [each[:2] for each in api.done] == [("transfer", "u-2"), ("transfer", "u-1")]
    assert first[2] == second[2]
    assert "<Conference" in first[2]
    assert ">offhook-" in first[2]


class Gone(PaperApi):
    """Its caller has just hung up; `stuck` is set while it is asked to move that call."""

    def __init__(self, *, unknown: bool = False) -> None:
        super().__init__()
        self.unknown = unknown
        self.stuck: asyncio.Event | None = None

    async def transfer(self, call_id: str, document: bytes, publish: Publish) -> None:
        await super().transfer(call_id, document, publish)
        if call_id == "u-1":
            if self.stuck is not None:
                self.stuck.set()
                await asyncio.Event().wait()
            raise CarrierError("no such call", carrier="vobiz", unknown=self.unknown)


@pytest.mark.parametrize("unknown", [False, True])
async def test_who_was_called_does_not_wait_alone_for_a_caller_who_hung_up(unknown: bool) -> None:
    api = Gone(unknown=unknown)
    other = StreamControl(api, "u-2", publish=str, dial_document=str.encode)
    with pytest.raises(CarrierError, match="no such call"):
        await control(api).bridge(other)
    assert [each[:2] for each in api.done[2:]] == ([] if unknown else [("hang_up", "u-2")])


async def test_who_was_called_does_not_wait_alone_when_the_connecting_is_given_up() -> None:
    api = Gone()
    api.stuck = asyncio.Event()
    other = StreamControl(api, "u-2", publish=str, dial_document=str.encode)
    connecting = asyncio.ensure_future(control(api).bridge(other))
    await api.stuck.wait()
    connecting.cancel()
    await asyncio.wait([connecting])
    assert connecting.cancelled()
    assert api.done[-1] == ("hang_up", "u-2")


async def test_a_caller_is_not_connected_with_another_accounts() -> None:
    api = PaperApi()
    other = StreamControl(PaperApi(), "u-2", publish=str, dial_document=str.encode)
    with pytest.raises(CarrierError, match="another account's") as caught:
        await control(api).bridge(other)
    assert not caught.value.offered
    assert api.done == []
