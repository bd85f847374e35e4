"""The flow as the one who takes over from a language model in the middle of a call."""

import pytest

from offhook.providers.llm.base import Message, ToolCall
from tests.providers.llm.flow.conftest import Line


async def test_what_another_responder_answered_is_not_answered_again(line: Line) -> None:
    line.messages = [
        Message("agent", "Hello, how can I help?"),
        Message("caller", "I want to leave a message"),
        Message("agent", "Of course. What is your name?"),
        Message("caller", "Tom Baker"),
        Message("agent", "And what is it about?"),
    ]
    said = await line.say("my tap drips")
    assert said.count("?") == 1, "one question, not one for each turn"
    assert "take a message" not in said


async def test_what_the_caller_told_another_responder_is_known(line: Line) -> None:
    line.messages = [
        Message("caller", "book a visit for tomorrow at ten because my tap drips"),
        Message("agent", "Sure! Tomorrow at ten."),
    ]
    said = await line.say("Yes, book it please.")
    assert line.called("check_availability") == [{"date": "2026-03-03", "time": "10:00"}]
    assert "10 AM is free" in said


async def test_another_responders_misunderstandings_do_not_count(line: Line) -> None:
    for _ in range(6):
        line.messages += [Message("caller", "blorp"), Message("agent", "I see.")]
    said = await line.say("I want to leave a message")
    assert not line.ended
    assert "message" in said


async def test_a_tool_that_another_responder_called_gets_words(line: Line) -> None:
    call = ToolCall("call_abc", "check_availability", {})
    line.messages = [
        Message("caller", "I want to leave a message"),
        Message("agent", "One moment.", tool_calls=(call,)),
        Message("tool", '{"free": []}', tool_call_id="call_abc"),
    ]
    text, _ = await line.step()
    assert text.endswith("?")


async def test_a_whole_sentence_of_a_dead_responder_stands(line: Line) -> None:
    line.messages = [Message("caller", "When do you open?"), Message("agent", "At eight.", unfinished=True)]
    assert await line.step() == ("", None)


@pytest.mark.parametrize("half", ["We open", "We open at eight. And on"])
async def test_half_a_sentence_of_a_dead_responder_is_no_answer(line: Line, half: str) -> None:
    line.messages = [Message("caller", "When do you open?"), Message("agent", half, unfinished=True)]
    text, _ = await line.step()
    assert "open" in text.lower()


async def test_after_either_the_call_goes_on(line: Line) -> None:
    line.messages = [Message("caller", "When do you open?"), Message("agent", "At eight.", unfinished=True)]
    await line.step()
    line.messages = [Message("caller", "When do you open?"), Message("agent", "At eight.")]
    assert "message" in await line.say("I want to leave a message")


async def test_a_note_is_none_of_its_business(line: Line) -> None:
    assert "about" in await line.say("I want to leave a message")
    line.messages.append(Message("note", "This call will be ended in 30 seconds."))
    assert "name" in await line.say("my tap drips")
