from typing import Any

import pytest

from offhook.simulator.clouds.gemini_setup import Closing, Setup
from offhook.simulator.clouds.gemini_talk import Talk
from offhook.simulator.clouds.openai_chat import ChatReply, ChatRequest, ScriptedCall

SETUP = Setup("models/gemini-3.8-live", "Be brief.", {"book": {"name": "book"}})


def brain(request: ChatRequest) -> ChatReply:
    roles = [message["role"] for message in request.messages]
    return ChatReply(f"{roles} {len(request.body['tools'])}")


def test_directions_are_not_the_callers_words() -> None:
    talk = Talk()
    assert talk.reply(brain, SETUP).text == "Hello."
    talk.say("user", '[Say exactly: "Good morning."]')
    assert talk.reply(brain, SETUP).text == "Good morning."
    talk.say("user", "[keypad] 12")
    talk.say("user", "[Answer now.]")
    assert talk.reply(brain, SETUP).text == "['system', 'user'] 1"


def test_a_result_stands_behind_its_call() -> None:
    talk = Talk([{"role": "user", "content": "Monday."}])
    talk.call("c1", ScriptedCall("book", {"day": "Monday"}))
    talk.say("assistant", "One moment.")
    talk.result("c1", {"ok": True})
    assert [message["role"] for message in talk.messages] == ["user", "assistant", "tool", "assistant"]
    assert talk.messages[2]["content"] == '{"ok":true}'
    assert talk.tokens == 4


def test_a_history() -> None:
    talk = Talk()
    talk.append([{"role": "user", "parts": [{"text": "A."}, {"text": "B."}]}, {"role": "model", "parts": []}])
    assert talk.messages == [{"role": "user", "content": "A. B."}, {"role": "assistant", "content": ""}]


@pytest.mark.parametrize("turn", [{"role": "system", "parts": []}, {"role": "model", "parts": [{"functionCall": {}}]}])
def test_a_history_of_anything_else_is_refused(turn: dict[str, Any]) -> None:
    with pytest.raises(Closing):
        Talk().append([turn])
