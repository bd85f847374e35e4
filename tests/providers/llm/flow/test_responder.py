"""What the contract of a responder asks for, beyond the words."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offhook.calls.tools.base import Tool, ToolContext
from offhook.calls.tools.builtin import builtin_tools
from offhook.errors import ToolError
from offhook.providers.llm.base import CallFacts, Message, Responder, ResponderFactory, TextDelta, ToolSpec
from offhook.providers.llm.flow import Facts, Flow, FlowFactory
from tests.providers.llm.flow.conftest import MONDAY, Line


class Broken(Tool):
    """A tool that fails."""

    def __init__(self, name: str):
        self.spec = ToolSpec(name, "", {"type": "object", "properties": {}})

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        raise ToolError("no such luck")


def broken_line(flow: Flow, facts: Facts, folder: Path, name: str) -> Line:
    tools = [Broken(name) if tool.spec.name == name else tool for tool in builtin_tools(facts)]
    return Line(flow, facts, folder, tools=tools)


async def to_number(line: Line) -> None:
    for text in ("I want to leave a message", "my tap drips", "Tom Baker", "yes"):
        await line.say(text)


async def to_confirm(line: Line) -> str:
    said = ""
    for text in ("book for tomorrow at ten because my tap drips", "Tom Baker", "yes", "4155550123", "yes"):
        said = await line.say(text)
    return said


def test_it_is_a_responder(flow: Flow, facts: Facts) -> None:
    factory: ResponderFactory = FlowFactory(flow, facts)
    responder: Responder = factory.open(CallFacts("c", "a", "", MONDAY))
    assert factory.name == "flow"
    assert responder


async def test_each_line_is_a_piece_and_joined_they_read_well(line: Line) -> None:
    line.messages.append(Message("caller", "I want to leave a message"))
    pieces = [piece async for piece in line.responder.respond(line.messages, line.runner.specs)]
    assert [piece.text for piece in pieces if isinstance(piece, TextDelta)] == [
        "I will take a message. ",
        "What is it about?",
    ]


async def test_two_calls_do_not_mix(flow: Flow, facts: Facts, tmp_path: Path) -> None:
    one, two = Line(flow, facts, tmp_path), Line(flow, facts, tmp_path)
    await to_number(one)
    assert "How can I help" in await two.say("hello")
    assert "415-555-0123" in await one.say("4155550123")


async def test_the_same_call_is_answered_the_same(flow: Flow, facts: Facts, tmp_path: Path) -> None:
    talks = []
    for place in range(2):
        line = Line(flow, facts, tmp_path / str(place))
        talks.append(
            [await line.say(text) for text in ("hm", "hello", "what do you charge", "book", "x", "tomorrow", "ten")]
        )
    assert talks[0] == talks[1]


async def test_a_changed_last_message_takes_the_answer_back(line: Line) -> None:
    await to_number(line)
    line.messages.append(Message("caller", "four one five five five five"))
    assert "so far" in (await line.step())[0]
    line.messages[-2:] = [Message("caller", "four one five five five five oh one two three")]
    assert "415-555-0123. Is that right?" in (await line.step())[0]


async def test_a_tool_of_an_answer_taken_back_gets_another_id(line: Line) -> None:
    await to_confirm(line)
    line.messages.append(Message("caller", "yes"))
    _, first = await line.step()
    line.messages[-2:] = [Message("caller", "yes please")]
    _, second = await line.step()
    assert first
    assert second
    assert first.id != second.id
    assert first.arguments == second.arguments


async def test_a_tool_result_that_never_came(line: Line) -> None:
    await to_confirm(line)
    line.messages.append(Message("caller", "yes"))
    _, call = await line.step()
    assert call
    assert await line.say("hello? are you there?")
    assert len(line.called("book_appointment")) == 2
    assert len(line.bookings()) == 1


async def test_the_number_the_caller_calls_from_is_suggested(flow: Flow, facts: Facts, tmp_path: Path) -> None:
    line = Line(flow, facts, tmp_path, caller_number="+14155550199")
    await to_number(line)
    assert "1-415-555-0199" in line.messages[-1].text
    await line.say("yes")
    assert line.called("take_message")[0]["number"] == "+14155550199"


async def test_another_number_than_the_suggested_one(flow: Flow, facts: Facts, tmp_path: Path) -> None:
    line = Line(flow, facts, tmp_path, caller_number="4155550199")
    await to_number(line)
    assert "best number" in await line.say("no")
    assert "416-555-0000" in await line.say("416 555 0000")
    assert "416-555-0001" in await line.say("no, 0001")


async def test_the_suggestion_is_answered_with_a_number(flow: Flow, facts: Facts, tmp_path: Path) -> None:
    line = Line(flow, facts, tmp_path, caller_number="4155550199")
    await to_number(line)
    assert "416-555-0000" in await line.say("no use 416 555 0000")


async def test_this_number(flow: Flow, facts: Facts, tmp_path: Path) -> None:
    line = Line(flow, facts, tmp_path, caller_number="4155550199")
    await to_number(line)
    await line.say("no")
    assert "415-555-0199" in await line.say("just the number I'm calling from")


async def test_a_short_extension_is_not_suggested(flow: Flow, facts: Facts, tmp_path: Path) -> None:
    line = Line(flow, facts, tmp_path, caller_number="100")
    await to_number(line)
    assert "best number" in line.messages[-1].text


# Interruptions


async def test_a_question_that_was_not_heard_is_asked_again(line: Line) -> None:
    await line.say("I want to leave a message")
    line.interrupt("I will take")
    assert await line.say("mm hm") == "What is it about?"


async def test_a_question_that_was_heard_is_helped_with(line: Line) -> None:
    await line.say("I want to leave a message")
    line.interrupt("I will take a message. What is it about?")
    assert await line.say("um") == "In a few words, what is it about?"


async def test_words_that_answer_count_though_the_question_was_cut_off(line: Line) -> None:
    await line.say("I want to leave a message")
    line.interrupt("I will")
    assert "name" in await line.say("it's about my tap")


async def test_a_yes_to_something_unheard_confirms_nothing(line: Line) -> None:
    await line.say("I want to leave a message")
    await line.say("my tap drips")
    await line.say("Tom Baker")
    line.interrupt("")
    assert "Tom Baker" in await line.say("yes")


async def test_half_a_read_back_and_a_yes(line: Line) -> None:
    await line.say("I want to leave a message")
    await line.say("my tap drips")
    await line.say("Tom Baker")
    line.interrupt("I have Tom")
    assert "number" in await line.say("yes")


async def test_interrupted_without_end_it_still_ends(line: Line) -> None:
    await line.say("I want to leave a message")
    for _ in range(10):
        if line.ended:
            break
        line.interrupt("")
        await line.say("um")
    assert line.ended


# Tools that fail


async def test_the_message_cannot_be_saved(flow: Flow, facts: Facts, tmp_path: Path) -> None:
    line = broken_line(flow, facts, tmp_path, "take_message")
    await to_number(line)
    await line.say("4155550123")
    said = await line.say("yes")
    assert "could not save" in said
    assert "anything else" in said


async def test_the_calendar_is_down_so_a_message_is_taken(flow: Flow, facts: Facts, tmp_path: Path) -> None:
    line = broken_line(flow, facts, tmp_path, "check_availability")
    said = await line.say("book for tomorrow at ten because my tap drips")
    assert "cannot get at the calendar" in said
    assert "name" in said
    for text in ("Tom Baker", "yes", "4155550123", "yes"):
        said = await line.say(text)
    assert line.kept_messages()[0]["reason"] == "my tap drips"


async def test_booking_fails_so_a_message_is_taken(flow: Flow, facts: Facts, tmp_path: Path) -> None:
    line = broken_line(flow, facts, tmp_path, "book_appointment")
    await to_confirm(line)
    said = await line.say("yes")
    assert "could not book" in said
    assert line.kept_messages()[0]["name"] == "Tom Baker"


async def test_the_time_is_taken_by_another_caller_meanwhile(flow: Flow, facts: Facts, tmp_path: Path) -> None:
    one = Line(flow, facts, tmp_path)
    await to_confirm(one)
    two = ToolContext("call-2", "", tmp_path, lambda: MONDAY)
    book = next(tool for tool in builtin_tools(facts) if tool.spec.name == "book_appointment")
    await book({"date": "2026-03-03", "time": "10:00"}, two)
    said = await one.say("yes")
    assert "just been taken" in said
    assert "9 AM" in said
    assert "11 AM" in await one.say("eleven")
    await one.say("yes")
    assert [booking["time"] for booking in one.bookings()] == ["10:00:00", "11:00:00"]


async def test_an_agent_without_tools_says_so_and_goes_on(line: Line) -> None:
    messages: list[Message] = []
    said = ""
    for text in ("leave a message", "my tap", "Tom", "yes", "4155550123", "yes", "no"):
        messages.append(Message("caller", text))
        pieces = [piece async for piece in line.responder.respond(messages, ())]
        said = "".join(piece.text for piece in pieces if isinstance(piece, TextDelta))
        assert len(said) > 0
        messages.append(Message("agent", said))
    assert "Goodbye" in said


@pytest.mark.parametrize("text", ["not json", "[1]", '{"error": 5}', "null", '{"status": "never heard of it"}', ""])
async def test_odd_results(line: Line, text: str) -> None:
    await to_confirm(line)
    line.messages.append(Message("caller", "yes"))
    _, call = await line.step()
    assert call
    line.messages.append(Message("tool", text, tool_call_id=call.id))
    said, after = await line.step()
    assert said or after


async def test_after_the_goodbye(line: Line) -> None:
    await line.say("goodbye")
    assert line.ended
    assert "Goodbye" in await line.say("hello?")
    assert len(line.called("end_call")) == 2


async def test_the_end_of_a_call_is_not_answered(line: Line) -> None:
    await line.say("goodbye")
    assert await line.step() == ("", None)


async def test_now_may_be_given(flow: Flow, facts: Facts, tmp_path: Path) -> None:
    sunday = datetime(2026, 3, 8, 12, tzinfo=UTC)
    line = Line(flow, facts, tmp_path)
    line.responder = FlowFactory(flow, facts, now=lambda: sunday).open(CallFacts("c", "a", "", MONDAY))
    assert "closed at the moment" in await line.say("are you open now?")


# Anything goes

_WORDS = st.sampled_from(
    [
        "yes",
        "no",
        "my",
        "name",
        "is",
        "tom",
        "baker",
        "sarah",
        "book",
        "message",
        "a",
        "an",
        "the",
        "at",
        "ten",
        "tomorrow",
        "tuesday",
        "next",
        "half",
        "past",
        "nine",
        "four",
        "one",
        "five",
        "double",
        "zero",
        "415-555-0123",
        "9:30",
        "3/3",
        "2026-13-45",
        "S-A-R-A",
        "what",
        "repeat",
        "hold",
        "on",
        "spell",
        "that",
        "back",
        "goodbye",
        "never",
        "mind",
        "help",
        "actually",
        "not",
        "last",
        "digits",
        "are",
        "without",
        "h",
        "plus",
        "é",
        "😀",
        "...",
        "?",
        ",",
        "how",
        "much",
        "open",
        "sunday",
        "number",
        "time",
        "day",
        "change",
        "hundred",
    ]
)
_SAYINGS = st.one_of(st.lists(_WORDS, max_size=10).map(" ".join), st.text(max_size=40))
_KEYS = st.text("0123456789*#", min_size=1, max_size=12)
_TURNS = st.lists(st.one_of(_SAYINGS.map(lambda text: (text, "")), _KEYS.map(lambda keys: ("", keys))), max_size=25)
_RESULTS = (
    "{}",
    '{"error": "x"}',
    '{"status": "free", "free": ["09:00", "x", 3]}',
    '{"status": "available"}',
    '{"status": "booked"}',
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_TURNS, st.lists(st.sampled_from(_RESULTS), min_size=1), st.lists(st.integers(0, 3), min_size=1))
async def test_whatever_is_said_there_is_an_answer(
    flow: Flow, facts: Facts, turns: list[tuple[str, str]], results: list[str], cuts: list[int]
) -> None:
    responder = FlowFactory(flow, facts).open(CallFacts("c", "a", "", MONDAY, "4155550100"))
    specs = tuple(tool.spec for tool in builtin_tools(facts))
    messages: list[Message] = []
    for turn, (text, keys) in enumerate(turns):
        messages.append(Message("caller", text, keypad=keys))
        for step in range(8):
            pieces = [piece async for piece in responder.respond(messages, specs)]
            assert pieces or step
            said = "".join(piece.text for piece in pieces if isinstance(piece, TextDelta))
            calls = tuple(piece for piece in pieces if not isinstance(piece, TextDelta))
            assert "{" not in said
            messages.append(Message("agent", said, tool_calls=calls))
            if not calls or calls[0].name == "end_call":
                break
            json.dumps(dict(calls[0].arguments))
            messages.append(Message("tool", results[(turn + step) % len(results)], tool_call_id=calls[0].id))
        else:
            raise AssertionError("tools without end")
        if cuts[turn % len(cuts)] == 3:
            messages[-1] = replace(
                messages[-1], text=messages[-1].text[: len(messages[-1].text) // 2], interrupted=True
            )


@pytest.mark.parametrize("text", ["", "...", "blorp", "the the the", "\u4f60\u597d"])
async def test_a_caller_who_makes_no_sense_is_let_go(line: Line, text: str) -> None:
    for _ in range(8):
        if not line.ended:
            await line.say(text)
    assert line.ended
    assert "Goodbye" in line.messages[-2].text


async def test_a_script_that_begins_in_the_middle_knows_only_what_comes_then(
    flow: Flow, facts: Facts, tmp_path: Path
) -> None:
    before = [Message("agent", "Hola."), Message("caller", "I want to book"), Message("agent", "What is your name?")]
    line = Line(flow, facts, tmp_path)
    line.messages += [*before, Message("note", "From here on talk English.", restarts=True)]
    assert "take a message" in (await line.say("I want to leave a message"))


async def test_a_script_that_begins_behind_a_callers_words_answers_them(
    flow: Flow, facts: Facts, tmp_path: Path
) -> None:
    line = Line(flow, facts, tmp_path)
    line.messages += [Message("caller", "I want to leave a message"), Message("note", "Now English.", restarts=True)]
    texts, _ = await line.step()
    assert "take a message" in "".join(texts)
    line.responder.instruct("Be brief.")
    assert "?" in await line.say("about my kitchen tap")
