import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import pytest

from offhook.errors import ProviderError
from offhook.providers.llm.base import CallFacts, Message, Piece, ResponderFactory, TextDelta, ToolCall, ToolSpec
from offhook.providers.llm.failover import FailoverFactory, FailoverResponder, Seam
from offhook.providers.standby import Standby, Watched
from offhook.providers.usage import Usage
from tests.calls.rig import STALL, Answer, Brain, PaperTime, Stall

CALL = CallFacts("id", "reception", "", datetime(2026, 1, 1, tzinfo=UTC))
HELLO = [Message("caller", "When do you open?")]
DOWN = ProviderError("is down", provider="first")


class Call:
    """A call whose first brain has `first` to say, and whose second one `second`."""

    def __init__(self, first: Answer, *second: Answer, third: Answer = "Third.") -> None:
        self.brains = [Brain([first], "first"), Brain(second, "second"), Brain([third], "third")]
        self.watched: list[Watched[ResponderFactory]] = [
            Watched(brain, brain.name, stall_ms=1_000) for brain in self.brains
        ]
        self.troubles: list[ProviderError] = []
        self.time = PaperTime()
        standby = Standby(self.watched)
        self.responder: FailoverResponder = FailoverFactory(standby).open(CALL, self.troubles.append)

    async def pieces(self, messages: Sequence[Message] = HELLO) -> list[Piece]:
        return await self.time.through(self._pieces(messages))

    async def _pieces(self, messages: Sequence[Message]) -> list[Piece]:
        return [piece async for piece in self.responder.respond(messages, ())]

    async def said(self) -> str:
        return "".join(piece.text for piece in await self.pieces() if isinstance(piece, TextDelta))

    async def close(self) -> None:
        for watched in self.watched:
            await watched.close()


@pytest.mark.parametrize("first", [DOWN, STALL, [STALL]], ids=["refuses", "stalls", "stalls later"])
async def test_before_any_text_the_next_one_answers_the_same_conversation(first: Answer) -> None:
    call = Call(first, "At eight.")
    assert await call.said() == "At eight."
    assert call.time.seconds < 1.1
    assert call.brains[1].asked == [HELLO]
    assert [error.provider for error in call.troubles] == ["first"]
    assert [watched.healthy for watched in call.watched] == [False, True, True]
    await call.close()


@pytest.mark.parametrize("fault", [DOWN, STALL], ids=["dies", "stalls"])
async def test_in_the_middle_of_an_answer_the_next_one_goes_on(fault: Exception | Stall) -> None:
    call = Call([TextDelta("We open"), TextDelta(" at"), fault], "eight.")
    assert await call.said() == "We open at eight."
    assert call.brains[1].asked == [[*HELLO, Message("agent", "We open at", unfinished=True)]]
    await call.close()


async def test_one_that_begins_all_over_again_is_heard_only_from_where_it_is_new() -> None:
    call = Call([TextDelta("We open"), DOWN], ["We", " open", " at eight."])
    assert await call.said() == "We open at eight."
    await call.close()


async def test_two_may_fail_one_after_the_other() -> None:
    call = Call([TextDelta("We "), DOWN], [TextDelta("open "), STALL], third="at eight.")
    assert await call.said() == "We open at eight."
    assert call.brains[2].asked == [[*HELLO, Message("agent", "We open", unfinished=True)]]
    assert [error.provider for error in call.troubles] == ["first", "second"]
    await call.close()


async def test_the_last_ones_failure_is_raised_and_not_told_twice() -> None:
    call = Call(DOWN, DOWN, third=ProviderError("is gone", provider="third"))
    with pytest.raises(ProviderError, match="third: is gone"):
        await call.pieces()
    assert len(call.troubles) == 2
    await call.close()


async def test_a_tool_that_was_called_is_not_called_again() -> None:
    booked = ToolCall("1", "book", {})
    call = Call([TextDelta("One moment."), booked, DOWN], [ToolCall("2", "book", {})])
    assert await call.pieces() == [TextDelta("One moment."), booked]
    assert call.brains[1].asked == []
    assert len(call.troubles) == 1
    result = Message("tool", "{}", tool_call_id="1")
    await call.pieces([*HELLO, Message("agent", "One moment.", tool_calls=(booked,)), result])
    assert call.brains[1].asked[0][-1] == result, "the next one gets the result"
    await call.close()


async def test_signs_of_life_are_kept_from_the_caller_and_from_the_clock() -> None:
    class Thinks(Brain):
        async def respond(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> AsyncIterator[Piece]:
            for _ in range(5):
                await asyncio.sleep(0.8)
                yield TextDelta("")
            yield TextDelta("At eight.")

    call = Call("")
    call.watched[0].provider = Thinks()
    assert await call.pieces() == [TextDelta("At eight.")]
    assert call.watched[0].healthy
    assert call.time.seconds > 4


async def test_one_that_is_well_again_is_asked_by_the_next_turn() -> None:
    call = Call(DOWN, "Second.")
    assert await call.said() == "Second."
    call.watched[0].worked()
    call.brains[0].answers = ["First."]
    assert await call.said() == "First."
    await call.responder.close()
    assert [brain.closed for brain in call.brains] == [1, 1, 0]


async def test_closing_the_answer_stops_the_one_who_gives_it() -> None:
    call = Call([TextDelta("We"), STALL])
    answer = call.responder.respond(HELLO, ())
    assert await anext(answer) == TextDelta("We")
    await answer.aclose()
    assert call.brains[0].stopped == 1
    assert call.watched[0].healthy


@pytest.mark.parametrize(
    ("said", "pieces", "whole"),
    [
        ("We open at", ["eight."], "We open at eight."),
        ("We open at ", ["eight."], "We open at eight."),
        ("We open at", [" eight."], "We open at eight."),
        ("We open at eight", [", usually."], "We open at eight, usually."),
        ("We open.", ["We close."], "We open. We close."),
        ("We open.", ["We open.", " At eight."], "We open. At eight."),
        ("We open.", ["We op", "en. At eight."], "We open. At eight."),
        ("We open.", ["We"], "We open."),
        ("", ["We open."], "We open."),
    ],
)
def test_a_rest_is_joined_to_what_was_said(said: str, pieces: list[str], whole: str) -> None:
    seam = Seam(said)
    assert said + "".join(seam.feed(piece) for piece in pieces) == whole


def test_whether_a_script_is_followed_is_told_by_who_would_answer() -> None:
    script, model = Brain(name="script"), Brain(name="model")
    script.scripted = True
    both = [Watched[ResponderFactory](each, each.name) for each in (model, script)]
    factory = FailoverFactory(Standby(both))
    assert not factory.scripted
    both[0].healthy = False
    assert factory.scripted


async def test_each_ones_work_is_told_under_its_own_name() -> None:
    call = Call(DOWN, "At eight.")
    used: list[tuple[str, Usage]] = []
    opened = FailoverFactory(Standby(call.watched)).open(
        CALL, call.troubles.append, lambda watched, usage: used.append((watched.name, usage))
    )
    call.responder = opened
    await call.said()
    for brain in call.brains[:2]:
        brain.on_usage(Usage(text_out=1))
    assert used == [("first", Usage(text_out=1)), ("second", Usage(text_out=1))]
    await call.close()


async def test_whoever_answers_follows_the_instructions_of_the_moment() -> None:
    call = Call("One.", "Two.")
    assert await call.said() == "One."
    call.responder.instruct("Be brief.")
    assert [brain.instructions for brain in call.brains] == [["Be brief."], [], []]
    call.watched[0].failed(DOWN)
    assert await call.said() == "Two."
    assert call.brains[1].opened[-1].instructions == "Be brief."
    await call.close()
