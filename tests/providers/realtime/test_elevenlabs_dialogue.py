from base64 import b64encode
from typing import Any

import orjson
import pytest

from offhook.audio.formats import PCM_8K, PCM_16K
from offhook.errors import WireError
from offhook.providers.realtime.elevenlabs_dialogue import Dialogue
from tests.providers.realtime.listening import Told

SOUND = b64encode(b"\x01\x02" * 320).decode()


class Talk:
    """A dialogue, what it tells and what it sends."""

    def __init__(self) -> None:
        self.told = Told()
        self.sent: list[dict[str, Any]] = []
        self.dialogue = Dialogue(
            lambda message: self.sent.append(orjson.loads(message)), self.told, PCM_8K, lambda: 900
        )
        self.dialogue.wire = PCM_16K

    def sound(self, event_id: int, audio: str = SOUND) -> None:
        self.take("audio", audio_event={"audio_base_64": audio, "event_id": event_id})

    def response(self, text: str) -> None:
        self.take("agent_response", agent_response_event={"agent_response": f" {text} ", "event_id": 1})

    def complete(self) -> None:
        self.take("agent_response_complete", agent_response_complete_event={"event_id": 1})

    def interruption(self, event_id: int) -> None:
        self.take("interruption", interruption_event={"event_id": event_id})

    def correction(self, original: str, corrected: str) -> None:
        texts = {"original_agent_response": original, "corrected_agent_response": corrected, "event_id": 1}
        self.take("agent_response_correction", agent_response_correction_event=texts)

    def transcript(self, text: str) -> None:
        self.take("user_transcript", user_transcription_event={"user_transcript": text, "event_id": 1})

    def take(self, kind: str, **fields: Any) -> None:
        self.dialogue.take({"type": kind, **fields})


@pytest.fixture
def talk() -> Talk:
    return Talk()


@pytest.mark.parametrize("when", ["before", "amid", "behind"])
def test_the_words_of_an_answer_come_before_its_sound_or_later(talk: Talk, when: str) -> None:
    if when == "before":
        talk.response("One.")
    talk.sound(1)
    if when == "amid":
        talk.response("One.")
    talk.sound(2)
    talk.complete()
    if when == "behind":
        talk.response("One.")
    talk.response("Two.")
    talk.sound(3)
    talk.complete()
    assert talk.told.text == {"agent_1": "One.", "agent_2": "Two."}
    assert talk.told.done == ["agent_1", "agent_2"]
    assert [len(audio) for audio in talk.told.audio.values()] == [640, 320]
    assert talk.told.responses == [("completed", "")] * 2


def test_a_second_answer_ends_one_that_nobody_ended(talk: Talk) -> None:
    talk.response("One.")
    talk.sound(1)
    talk.response("Two.")
    talk.sound(2)
    assert talk.told.text == {"agent_1": "One.", "agent_2": "Two."}
    assert talk.told.done == ["agent_1"]


def test_what_comes_after_a_gap_is_another_item_of_the_same_answer(talk: Talk) -> None:
    talk.response("One, and two.")
    talk.sound(1)
    talk.dialogue.settle()
    talk.sound(2)
    talk.dialogue.settle()
    talk.response("Three.")
    talk.sound(3)
    assert talk.told.text == {"agent_1": "One, and two.", "agent_3": "Three."}
    assert talk.told.done == ["agent_1", "agent_2"]


def test_an_end_twice_is_one_end(talk: Talk) -> None:
    talk.sound(1)
    talk.complete()
    talk.complete()
    talk.dialogue.settle()
    assert len(talk.told.responses) == 1


def test_late_sound_of_an_interrupted_answer_is_passed_over(talk: Talk) -> None:
    talk.response("One two three.")
    talk.sound(1)
    talk.interruption(3)
    talk.sound(2)
    talk.sound(3)
    talk.correction("One two three.", "One")
    assert talk.told.events == ["audio", "item done", "response done", "interrupted"]
    assert talk.told.responses == [("cancelled", "")]
    assert talk.told.text == {"agent_1": "One"}
    talk.sound(4)
    assert list(talk.told.audio) == ["agent_1", "agent_2"]


def test_an_answer_that_is_still_heard_can_be_interrupted(talk: Talk) -> None:
    talk.response("One two.")
    talk.sound(1)
    talk.complete()
    talk.interruption(1)
    assert talk.told.interrupted == 1
    assert talk.told.responses == [("completed", "")]


def test_words_that_were_never_spoken_are_forgotten(talk: Talk) -> None:
    talk.response("One.")
    talk.interruption(1)
    talk.sound(2)
    talk.response("Two.")
    assert talk.told.text == {"agent_1": "Two."}


def test_a_correction_belongs_to_its_words(talk: Talk) -> None:
    talk.correction("Nothing.", "No")
    for number, text in enumerate(("One two.", "Three four."), 1):
        talk.response(text)
        talk.sound(number)
        talk.complete()
    talk.correction(" One two. ", "One")
    talk.correction("Three fo...", "Three")
    assert talk.told.text == {"agent_1": "One", "agent_2": "Three"}


def test_a_cancelled_answer_tells_no_more(talk: Talk) -> None:
    talk.sound(1)
    talk.dialogue.drop()
    talk.sound(2)
    talk.response("One.")
    talk.interruption(2)
    assert len(talk.told.audio["agent_1"]) == 320
    assert (talk.told.text, talk.told.interrupted) == ({}, 0)
    assert talk.told.responses == [("cancelled", "")]
    talk.sound(3)
    assert "agent_2" in talk.told.audio


def test_the_words_of_the_caller(talk: Talk) -> None:
    talk.take("tentative_user_transcript", tentative_user_transcription_event={"user_transcript": "Hel"})
    talk.transcript(" Hello. ")
    talk.transcript("Again.")
    talk.transcript("")
    assert talk.told.said == [("caller_1", "Hel", False), ("caller_1", "Hello.", True), ("caller_2", "Again.", True)]
    assert talk.told.stopped == [("caller_1", 900), ("caller_2", 900)]


def test_a_text_of_ours_is_none_of_the_callers_if_it_is_told_again(talk: Talk) -> None:
    talk.dialogue.wrote("[Say hello.]")
    talk.transcript("[Say hello.]")
    assert (talk.told.said, talk.told.stopped) == ([], [])
    talk.transcript("[Say hello.]")
    assert len(talk.told.said) == 1


def test_a_tool_call_ends_what_was_said_before(talk: Talk) -> None:
    talk.sound(1)
    call = {"tool_name": "book", "tool_call_id": "t1", "parameters": "nonsense", "event_id": 2}
    talk.take("client_tool_call", client_tool_call=call)
    assert talk.told.events == ["audio", "item done", "call", "response done"]
    assert talk.told.calls[0].arguments == {}
    idle = [talk.dialogue.idle]
    talk.dialogue.tool_result("t1", '{"a":1}', answer=True)
    idle.append(talk.dialogue.idle)
    talk.sound(3)
    talk.complete()
    assert [*idle, talk.dialogue.idle] == [False, False, True]
    assert [message["type"] for message in talk.sent] == ["client_tool_result"]


def test_a_ping_is_answered_with_its_number(talk: Talk) -> None:
    talk.take("ping", ping_event={"event_id": 42, "ping_ms": None})
    assert talk.sent == [{"type": "pong", "event_id": 42}]


def test_what_is_not_known_is_passed_over(talk: Talk) -> None:
    for kind in ("vad_score", "guardrail_triggered", "agent_tool_response", "context_usage", "", "tomorrows"):
        talk.take(kind)
    talk.response("")
    talk.sound(1, "")
    assert talk.told.events == []


@pytest.mark.parametrize(
    "event",
    [{"event_id": "x", "audio_base_64": SOUND}, {"audio_base_64": SOUND}, {"event_id": 1, "audio_base_64": "?"}],
)
def test_audio_that_is_none(talk: Talk, event: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        talk.take("audio", audio_event=event)


def test_an_interruption_without_a_number(talk: Talk) -> None:
    with pytest.raises(WireError):
        talk.take("interruption")
