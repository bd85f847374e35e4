import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from offhook.calls.call import Call
from offhook.calls.consultation import Wish
from offhook.calls.leg import CallControl, CallOrigin
from offhook.carriers.outbound import Dialler
from offhook.carriers.placed import CallState
from offhook.config import Settings
from offhook.errors import CallError, CarrierError
from offhook.events import CallEnded, CallEvent, CallStarted, ConsultationEnded, EndReason
from offhook.server.consultations import dial_carrier
from tests.calls.rig import PaperLeg, freeze
from tests.carriers.media_stream.paper_api import PaperApi
from tests.server.board import Board

WISH = Wish("+14155550177", "the office", "Ann has a question.", 20)
OURS = "+14155550199"
E = TypeVar("E", bound=CallEvent)


@dataclass
class Hand:
    """A carrier's hand that connects calls."""

    bridged: list[CallControl] = field(default_factory=list)
    fails: CarrierError | None = None

    async def transfer(self, to: str) -> None:
        raise AssertionError(to)

    async def bridge(self, other: CallControl) -> None:
        self.bridged.append(other)
        if self.fails is not None:
            raise self.fails

    async def send_dtmf(self, digits: str) -> None:
        raise AssertionError(digits)

    async def play(self, url: str) -> None:
        raise AssertionError(url)

    async def record(self) -> str:
        raise AssertionError


class VobizLeg(PaperLeg):
    carrier = "vobiz"

    def __init__(self, origin: CallOrigin, call_id: str = "caller-1") -> None:
        super().__init__()
        self.origin, self.carrier_call_id, self.hand = origin, call_id, Hand()
        self.control = self.hand


class Office(Board):
    """A caller in a call, and whoever is asked to take it."""

    def __init__(self, folder: Path) -> None:
        self.api = PaperApi()
        settings = Settings.model_validate({"keys": {"from_number": "+15550100"}})
        self.dialler = Dialler(settings, {"vobiz": self.api}, lambda: "https://x.example")
        super().__init__(folder, dialler=self.dialler, limits={"max_calls": 1})
        freeze(lambda: self.time)
        self.caller = VobizLeg(CallOrigin(from_number="+14155550142", to_number=OURS))
        self.switchboard.answer(self.caller)
        (self.call,) = self.switchboard.calls
        self.asking: asyncio.Future[None] | None = None

    async def ask(self, wish: Wish = WISH) -> None:
        self.asking = asyncio.ensure_future(self.call.hand.consult(wish))
        await self.run(100)

    async def answers(self) -> tuple[VobizLeg, Call]:
        """Who is asked takes the telephone."""
        (placed,) = self.dialler.live
        origin = self.dialler.origin(placed.id)
        assert origin is not None
        leg = VobizLeg(origin, placed.carrier_call_id)
        self.switchboard.answer(leg)
        await self.run(200)
        return leg, self.switchboard.calls[-1]

    async def answer(self) -> Any:
        """What came of it, for whoever asked."""
        assert self.asking is not None
        await self.run(100)
        (done,) = await asyncio.gather(self.asking, return_exceptions=True)
        return done

    @property
    def outcomes(self) -> list[str]:
        return [event.outcome for event in self.all(ConsultationEnded)]

    def all(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    office = Office(tmp_path)
    yield office
    await office.switchboard.hang_up_all()
    office.files.shutdown()


async def test_who_accepts_is_connected_though_the_house_is_full(office: Office) -> None:
    await office.ask()
    (order,) = office.api.orders
    assert (order.to, order.from_number, order.ring_timeout_s, order.consults) == (WISH.to, OURS, 20, True)
    assert order.detect_machine == "no"
    leg, asked = await office.answers()
    assert (office.switchboard.active, office.switchboard.full, leg.closed) == (1, True, [])
    asked.on_dtmf("1")
    assert await office.answer() is None
    assert office.caller.hand.bridged == [leg.control]
    assert (office.outcomes, office.call.hand.held) == (["accepted"], True)
    for each in (office.caller, leg):
        assert each.events is not None
        each.events.on_closed(EndReason.CALLER_HUNG_UP, "")
    await office.run(60)
    assert [(event.reason, event.detail) for event in office.all(CallEnded)] == [
        (EndReason.TRANSFERRED, f"taken by the office ({WISH.to})"),
        (EndReason.TRANSFERRED, f"connected with the caller of {office.call.facts.call_id}"),
    ]
    first, second = office.all(CallStarted)
    assert (first.consults_for, second.consults_for) == ("", office.call.facts.call_id)
    assert office.all(ConsultationEnded)[0].consultation == second.call_id


async def test_who_accepts_and_hangs_up_at_once_is_not_connected(office: Office) -> None:
    await office.ask()
    leg, asked = await office.answers()
    assert leg.events is not None
    asked.on_dtmf("1")
    leg.events.on_closed(EndReason.CALLER_HUNG_UP, "")
    assert str(await office.answer()) == "they hung up without taking the call"
    assert (office.caller.hand.bridged, office.outcomes) == ([], ["hung_up"])
    assert (office.caller.closed, office.call.hand.held) == ([], False)


async def test_who_declines_leaves_the_caller_with_the_agent(office: Office) -> None:
    await office.ask()
    leg, asked = await office.answers()
    asked.on_dtmf("2")
    assert str(await office.answer()) == "they cannot take the call now"
    await office.run(3_000)
    assert (office.outcomes, leg.closed, office.caller.closed) == (["declined"], [EndReason.AGENT_HUNG_UP], [])
    assert not office.call.hand.held
    assert office.api.done == []


@pytest.mark.parametrize(
    ("state", "outcome", "words"),
    [
        ("busy", "busy", "the line is busy"),
        ("no_answer", "no_answer", "nobody answered"),
        ("failed", "failed", "they could not be reached"),
        ("answered", "hung_up", "they hung up without taking the call"),
    ],
)
async def test_nobody_is_reached(office: Office, state: CallState, outcome: str, words: str) -> None:
    await office.ask()
    (placed,) = office.dialler.live
    office.dialler.progress(placed.id, state)
    if state == "answered":
        office.dialler.progress(placed.id, "ended")
    assert (str(await office.answer()), office.outcomes) == (words, [outcome])


async def test_a_carrier_that_refuses_the_call(office: Office) -> None:
    office.api.fails = CarrierError("refused (402)", carrier="vobiz", status=402)
    await office.ask()
    assert (str(await office.answer()), office.outcomes) == ("they could not be reached", ["failed"])
    (ended,) = office.all(ConsultationEnded)
    assert ended.consultation == ""


async def test_a_number_that_is_none(office: Office) -> None:
    await office.ask(Wish("the boss", "the boss"))
    assert str(await office.answer()) == "they could not be reached"


async def test_a_call_of_which_nothing_is_heard_is_given_up_and_hung_up(office: Office) -> None:
    await office.ask()
    await office.run(141_000)
    assert (str(await office.answer()), office.outcomes) == ("nobody answered", ["no_answer"])
    assert office.api.done == [("hang_up", "carrier-1")]


async def test_a_caller_who_leaves_while_it_rings(office: Office) -> None:
    await office.ask()
    office.call.on_closed(EndReason.CALLER_HUNG_UP, "")
    assert str(await office.answer()) == "the caller hung up"
    assert (office.outcomes, office.api.done) == (["caller_gone"], [("hang_up", "carrier-1")])


async def test_a_caller_who_leaves_during_the_briefing(office: Office) -> None:
    await office.ask()
    leg, _ = await office.answers()
    office.call.on_closed(EndReason.CALLER_HUNG_UP, "")
    await office.run(6_000)
    assert (leg.closed, office.outcomes) == ([EndReason.AGENT_HUNG_UP], ["caller_gone"])


async def test_who_answers_when_nobody_asks_any_more_is_hung_up(office: Office) -> None:
    await office.ask()
    (placed,) = office.dialler.live
    origin = office.dialler.origin(placed.id)
    assert origin is not None
    office.call.on_closed(EndReason.CALLER_HUNG_UP, "")
    await office.run(100)
    leg = VobizLeg(origin)
    office.switchboard.answer(leg)
    await office.run(40)
    assert leg.closed == [EndReason.AGENT_HUNG_UP]


async def test_two_who_cannot_be_connected(office: Office) -> None:
    office.caller.hand.fails = CarrierError("no conference", carrier="vobiz")
    await office.ask()
    leg, asked = await office.answers()
    asked.on_dtmf("1")
    assert "no conference" in str(await office.answer())
    await office.run(6_000)
    assert (office.outcomes, leg.closed, office.caller.closed) == (["failed"], [EndReason.AGENT_HUNG_UP], [])
    assert not office.call.hand.held


async def test_a_stopping_server_lets_a_caller_be_connected_and_ends_both_in_the_end(office: Office) -> None:
    await office.ask()
    drain = asyncio.ensure_future(office.switchboard.drain(60))
    await office.run(100)
    leg, _ = await office.answers()
    assert leg.closed == []
    ending = asyncio.ensure_future(office.switchboard.hang_up_all())
    await office.run(200)
    await asyncio.gather(ending, drain)
    assert (leg.closed, office.caller.closed) == ([EndReason.SHUTDOWN], [EndReason.SHUTDOWN])


async def test_whom_nobody_can_be_asked_for(tmp_path: Path) -> None:
    office = Office(tmp_path)
    consultations = office.consultations
    assert consultations is not None
    assert consultations.possible(office.caller, "reception")
    assert not consultations.possible(office.caller, "debts")
    office.caller.control = None
    assert not consultations.possible(office.caller, "reception")
    assert dial_carrier(PaperLeg()) is None
    assert not consultations.possible(PaperLeg(), "reception")
    with pytest.raises(CallError):
        await consultations.consult(office.call, Wish("nobody", "nobody"))
    await office.switchboard.hang_up_all()
    office.files.shutdown()


def test_who_calls_beside_an_audiosocket() -> None:
    leg = PaperLeg()
    for carrier, dials in (("audiosocket", "asterisk"), ("asterisk", "asterisk"), ("plivo", "plivo"), ("web", None)):
        leg.carrier = carrier
        assert dial_carrier(leg) == dials
