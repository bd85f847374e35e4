import asyncio
from typing import Any

import pytest

from offhook.carriers.outbound import Dialler
from offhook.carriers.placer import DialHooks, DialOrder
from offhook.config import Settings
from offhook.errors import CallError, CarrierError, ConfigError
from tests.carriers.media_stream.paper_api import PaperApi


class Desk:
    """A dialler with carriers made of paper and a clock that the test moves."""

    def __init__(self, *apis: PaperApi, url: str = "https://x.example/", **settings: Any) -> None:
        self.time = 1_000.0
        self.apis = apis or (PaperApi(),)
        self.api = self.apis[0]
        tree = {"keys": {"from_number": "+15550199"}, "agents": {"reception": {}, "sales": {}}, **settings}
        self.dialler = Dialler(
            Settings.model_validate(tree),
            {api.carrier: api for api in self.apis},
            lambda: url,
            now=lambda: self.time,
        )

    def later(self, seconds: float) -> None:
        self.time += seconds
        self.dialler.sweep()


async def test_a_call_is_placed_for_an_agent() -> None:
    desk = Desk()
    call = await desk.dialler.dial("+1 555 0100", agent="sales", variables={"name": "Ann"})
    (order,) = desk.api.orders
    assert (call.carrier, call.to, call.from_number, call.agent) == ("vobiz", "+15550100", "+15550199", "sales")
    assert (call.state, call.carrier_call_id, call.doubt) == ("queued", "carrier-1", "")
    assert (order.to, order.from_number, order.ring_timeout_s, order.time_limit_s) == (
        "+15550100",
        "+15550199",
        60,
        960,
    )
    assert order.hooks.answer == f"https://x.example/vobiz/answer/{call.id}"
    hooks = order.hooks
    assert [hooks.ring, hooks.hangup, hooks.status, hooks.machine, hooks.fallback] == [
        f"https://x.example/vobiz/{name}/{call.id}" for name in ("ring", "hangup", "status", "machine", "fallback")
    ]
    assert desk.dialler.find(call.id) is desk.dialler.find("carrier-1") is call
    assert desk.dialler.live == (call,)


async def test_the_first_agent_and_the_settings_of_the_carrier_are_used() -> None:
    desk = Desk(vobiz={"from_number": "+15550111", "ring_timeout_s": 20, "machine_detection": "off"})
    call = await desk.dialler.dial("+15550100")
    (order,) = desk.api.orders
    assert (call.agent, call.from_number, call.judge) == ("reception", "+15550111", "off")
    assert (order.ring_timeout_s, order.detect_machine) == (20, "no")


@pytest.mark.parametrize(
    ("machine", "judge", "asked"),
    [
        ("hang_up", "carrier", "verdict"),
        ("talk", "carrier", "verdict"),
        ("leave_message", "carrier", "message_end"),
        ("hang_up", "own", "no"),
        ("hang_up", "off", "no"),
    ],
)
async def test_who_tells_machines_from_people(machine: str, judge: Any, asked: str) -> None:
    desk = Desk(agents={"reception": {"machine": machine, "machine_message": "Call us."}})
    await desk.dialler.dial("+15550100", machine_detection=judge)
    assert desk.api.orders[0].detect_machine == asked


async def test_the_origin_is_known_to_the_webhooks() -> None:
    desk = Desk()
    call = await desk.dialler.dial("+15550100", agent="sales", variables={"name": "Ann"})
    origin = desk.dialler.origin(call.id)
    assert origin is not None
    assert (origin.direction, origin.from_number, origin.to_number) == ("outbound", "+15550199", "+15550100")
    assert (origin.agent, origin.variables, origin.dial_id) == ("sales", {"name": "Ann"}, call.id)
    assert desk.dialler.origin("somebody else's") is None


async def test_news_that_come_before_the_carriers_answer_are_taken() -> None:
    desk = Desk()
    desk.api.hold.clear()
    dialling = asyncio.create_task(desk.dialler.dial("+15550100"))
    await desk.api.asked.wait()
    desk.dialler.progress(desk.api.orders[0].hooks.answer.rpartition("/")[2], "answered")
    desk.api.hold.set()
    assert (await dialling).state == "answered"


async def test_news_of_a_call_that_is_not_ours_are_ignored() -> None:
    desk = Desk()
    call = await desk.dialler.dial("+15550100")
    desk.dialler.progress("somebody else's", "ringing")
    desk.dialler.identify("somebody else's", "u-9")
    assert (call.state, call.carrier_call_id) == ("queued", "carrier-1")


@pytest.mark.parametrize("to", ["", "reception", "+15550100<+15550101"])
async def test_a_wrong_number_is_not_sent(to: str) -> None:
    desk = Desk()
    with pytest.raises(CallError, match="no telephone number"):
        await desk.dialler.dial(to)
    assert desk.api.orders == []
    assert desk.dialler.live == ()


async def test_without_a_public_address_it_is_told_how_to_get_one() -> None:
    with pytest.raises(ConfigError, match="offhook serve --tunnel") as caught:
        await Desk(url="").dialler.dial("+15550100")
    assert "PUBLIC_URL" in str(caught.value)


async def test_several_carriers_must_be_told_apart() -> None:
    desk = Desk(PaperApi("vobiz"), PaperApi("twilio"))
    with pytest.raises(CallError, match="say which one: vobiz or twilio"):
        await desk.dialler.dial("+15550100")
    assert (await desk.dialler.dial("+15550100", carrier="twilio")).carrier == "twilio"
    with pytest.raises(ConfigError, match="no account at plivo"):
        await desk.dialler.dial("+15550100", carrier="plivo")


async def test_a_refusal_fails_the_call() -> None:
    desk = Desk()
    desk.api.fails = CarrierError("refused (401)", carrier="vobiz", status=401, hint="Check VOBIZ_AUTH_ID.")
    with pytest.raises(CarrierError, match="VOBIZ_AUTH_ID"):
        await desk.dialler.dial("+15550100")
    assert desk.dialler.live == ()
    assert len(desk.api.orders) == 1


async def test_silence_of_the_carrier_leaves_the_call_in_doubt_until_it_is_heard_of() -> None:
    desk = Desk()
    desk.api.fails = CarrierError("no answer", carrier="vobiz", unknown=True)
    call = await desk.dialler.dial("+15550100")
    assert (call.state, call.doubt, call.carrier_call_id) == ("queued", "vobiz: no answer", "")
    assert len(desk.api.orders) == 1
    with pytest.raises(CallError, match="not told its id"):
        await desk.dialler.hang_up(call)
    desk.dialler.identify(call.id, "u-1")
    desk.dialler.progress(call.id, "ringing")
    assert (call.doubt, call.carrier_call_id) == ("", "u-1")


async def test_a_call_in_doubt_is_closed_by_time() -> None:
    desk = Desk()
    desk.api.fails = CarrierError("no answer", carrier="vobiz", unknown=True)
    call = await desk.dialler.dial("+15550100", ring_timeout_s=20)
    desk.later(49)
    assert not call.over
    desk.later(1)
    assert (call.state, call.history[-1].detail) == ("failed", "vobiz: no answer")


async def test_a_call_that_is_given_up_while_it_is_placed_is_in_doubt() -> None:
    desk = Desk()
    desk.api.hold.clear()
    dialling = asyncio.create_task(desk.dialler.dial("+15550100"))
    await desk.api.asked.wait()
    dialling.cancel()
    await asyncio.gather(dialling, return_exceptions=True)
    assert desk.dialler.live[0].doubt == "given up while the carrier was asked"


async def test_a_call_of_which_nothing_is_heard_is_hung_up_and_closed() -> None:
    desk = Desk()
    call = await desk.dialler.dial("+15550100", ring_timeout_s=20)
    desk.dialler.progress(call.id, "ringing")
    desk.later(50)
    assert (call.state, call.history[-1].detail) == ("failed", "nothing more was heard of the call")
    await desk.dialler.close()
    assert desk.api.done == [("hang_up", "carrier-1")]


async def test_a_call_that_was_answered_may_last_as_long_as_its_agent_allows() -> None:
    desk = Desk(agents={"reception": {"silence": {"max_duration_s": 100}}})
    call = await desk.dialler.dial("+15550100", ring_timeout_s=20)
    desk.dialler.progress(call.id, "answered")
    desk.later(100)
    desk.dialler.progress(call.id, "human")
    desk.later(89)
    assert not call.over
    desk.later(1)
    assert call.state == "ended"


async def test_hanging_up() -> None:
    desk = Desk()
    call = await desk.dialler.dial("+15550100")
    await desk.dialler.hang_up(call)
    await desk.dialler.hang_up(call)
    assert desk.api.done == [("hang_up", "carrier-1")]
    assert (call.state, call.history[-1].detail) == ("failed", "we hung up")
    second = await desk.dialler.dial("+15550100")
    desk.dialler.progress(second.id, "answered")
    await desk.dialler.hang_up(second)
    assert second.state == "ended"


async def test_a_call_that_cannot_be_hung_up_at_the_end_holds_nothing_up() -> None:
    desk = Desk()
    await desk.dialler.dial("+15550100")
    desk.api.fails = CarrierError("down", carrier="vobiz", status=500)
    await desk.dialler.close()
    assert desk.api.done == []


async def test_finished_calls_are_forgotten_after_an_hour() -> None:
    desk = Desk()
    call = await desk.dialler.dial("+15550100")
    desk.dialler.progress(call.id, "busy")
    desk.later(3_599)
    assert desk.dialler.find(call.id) is call
    desk.later(1)
    assert desk.dialler.find(call.id) is None


async def test_no_more_than_a_thousand_finished_calls_are_kept() -> None:
    desk = Desk()
    calls = [await desk.dialler.dial("+15550100") for _ in range(1_002)]
    for call in calls[1:]:
        desk.dialler.progress(call.id, "busy")
    desk.dialler.sweep()
    assert desk.dialler.find(calls[0].id) is calls[0]
    assert [desk.dialler.find(call.id) for call in calls[1:3]] == [None, None]
    assert desk.dialler.find(calls[3].id) is calls[3]


class PaperPbx(PaperApi):
    """An exchange that tells by the order how a call goes."""

    async def dial(self, order: DialOrder) -> str:
        await super().dial(order)
        return order.dial_id


def exchange(**asterisk: Any) -> tuple[Dialler, PaperPbx]:
    pbx = PaperPbx()
    settings = Settings.model_validate({"asterisk": asterisk})
    return Dialler(settings, {"asterisk": pbx}, lambda: ""), pbx


async def test_an_exchange_needs_no_public_address_and_tells_by_the_order() -> None:
    dialler, pbx = exchange(ring_timeout_s=20)
    call = await dialler.dial("6001")
    (order,) = pbx.orders
    assert (order.hooks, order.dial_id, order.from_number, order.ring_timeout_s) == (DialHooks(), call.id, "", 20)
    assert (call.carrier, call.to, call.judge) == ("asterisk", "6001", "own")
    order.tell("ringing", "")
    order.tell("busy", "17")
    assert [step.state for step in call.history] == ["queued", "ringing", "busy"]


async def test_the_number_that_an_exchange_shows() -> None:
    dialler, pbx = exchange(from_number="+1 555 0199")
    await dialler.dial("6001")
    await dialler.dial("6001", from_number="600")
    assert [order.from_number for order in pbx.orders] == ["+15550199", "600"]


async def test_what_an_exchange_does_not_do() -> None:
    dialler, pbx = exchange()
    with pytest.raises(CallError, match="no extension"):
        await dialler.dial("6001&6002")
    with pytest.raises(CallError, match="machine_detection"):
        await dialler.dial("6001", machine_detection="carrier")
    with pytest.raises(ConfigError, match="AMI_USER"):
        await Desk().dialler.dial("6001", carrier="asterisk")
    assert pbx.orders == []
