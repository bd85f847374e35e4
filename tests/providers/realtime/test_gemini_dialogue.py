from base64 import b64encode
from typing import Any

import orjson
import pytest

from offhook.audio.formats import PCM_24K
from offhook.errors import WireError
from offhook.providers.llm.base import ToolCall
from offhook.providers.realtime.gemini_dialogue import Dialogue
from tests.providers.realtime.listening import Told

SOUND = {
    "serverContent": {
        "modelTurn": {
            "role": "model",
            "parts": [
                {"text": "a thought"},
                {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
                {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": b64encode(bytes(960)).decode()}},
            ],
        }
    }
}
OVER = {"serverContent": {"turnComplete": True}}
CALL = {"toolCall": {"functionCalls": [{"id": "c1", "name": "book", "args": {"day": "Monday"}}]}}


class Scene:
    """A dialogue, what it told, and what it sent."""

    def __init__(self) -> None:
        self.told = Told()
        self.sent: list[dict[str, Any]] = []
        self.dialogue = Dialogue(lambda message: self.sent.append(orjson.loads(message)), self.told, PCM_24K)

    def hears(self, *messages: dict[str, Any]) -> None:
        for message in messages:
            self.dialogue.take(message)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def words(text: str, of: str = "output", **more: Any) -> dict[str, Any]:
    return {"serverContent": {f"{of}Transcription": {"text": text, **more}}}


def test_words_may_come_before_the_sound_and_behind_its_end(scene: Scene) -> None:
    scene.hears(words("One "), SOUND, {"serverContent": {"generationComplete": True}}, words("two."), OVER)
    assert scene.told.text == {"gemini_1": "One two."}
    assert scene.told.audio == {"gemini_1": bytes(960)}
    assert scene.told.done == ["gemini_1"]
    assert scene.told.responses == [("completed", "")]


def test_what_is_said_around_a_tool_is_two_items(scene: Scene) -> None:
    scene.hears(SOUND, CALL)
    assert scene.told.events == ["audio", "item done", "call", "response done"]
    assert scene.told.calls == [ToolCall("c1", "book", {"day": "Monday"})]
    assert scene.dialogue.busy
    scene.dialogue.tool_result("c1", "{}", answer=True)
    scene.hears(SOUND, OVER)
    assert list(scene.told.audio) == ["gemini_1", "gemini_2"]
    assert len(scene.told.responses) == 2


def test_a_turn_that_ends_behind_a_tool_call_ended_with_it(scene: Scene) -> None:
    scene.hears(SOUND, CALL, OVER)
    assert scene.told.responses == [("completed", "")]
    scene.hears(OVER)
    assert len(scene.told.responses) == 2


def test_an_answer_that_is_none_is_over_all_the_same(scene: Scene) -> None:
    scene.dialogue.awaited = True
    scene.hears(OVER)
    assert (scene.told.responses, scene.dialogue.idle) == ([("completed", "")], True)


@pytest.mark.parametrize(
    ("before", "reason", "outcome"),
    [
        ((), "RESPONSE_REJECTED", ("failed", "RESPONSE_REJECTED")),
        ((SOUND,), "GENERATED_AUDIO_SAFETY", ("incomplete", "GENERATED_AUDIO_SAFETY")),
        ((SOUND,), "NEED_MORE_INPUT", ("completed", "")),
    ],
)
def test_why_a_turn_ended(
    scene: Scene, before: tuple[dict[str, Any], ...], reason: str, outcome: tuple[str, str]
) -> None:
    scene.hears(*before, {"serverContent": {"turnComplete": True, "turnCompleteReason": reason}})
    assert scene.told.responses == [outcome]


def test_an_interruption_behind_the_end_of_the_sound(scene: Scene) -> None:
    scene.hears(SOUND, {"serverContent": {"generationComplete": True}}, {"serverContent": {"interrupted": True}}, OVER)
    assert scene.told.events == ["audio", "item done", "interrupted", "response done"]
    assert scene.told.responses == [("cancelled", "")]


def test_a_tool_call_of_an_answer_that_was_dropped_is_called_off(scene: Scene) -> None:
    scene.hears(SOUND)
    scene.dialogue.drop()
    scene.hears(SOUND, words("No."), CALL)
    assert (scene.told.calls, scene.told.text, scene.told.responses) == ([], {}, [("cancelled", "")])
    [response] = scene.sent[0]["toolResponse"]["functionResponses"]
    assert (response["id"], response["scheduling"]) == ("c1", "SILENT")


def test_the_server_calls_a_tool_off(scene: Scene) -> None:
    scene.hears(CALL, {"toolCallCancellation": {"ids": ["c1", "c2"]}})
    scene.dialogue.tool_result("c1", "{}", answer=True)
    assert (scene.sent, scene.dialogue.busy) == ([], False)


def test_the_callers_words_are_one_item_until_the_answer_is_over(scene: Scene) -> None:
    scene.hears(words(" Are", "input"), words(" you", "interimInput"))
    assert not scene.dialogue.resumable
    scene.hears(words(" you", "input"), SOUND, words(" open?", "input"), OVER, words(" Bye.", "input", finished=True))
    assert scene.told.said == [
        ("caller_1", "Are", False),
        ("caller_1", "Are you", False),
        ("caller_1", "Are you", False),
        ("caller_1", "Are you", True),
        ("caller_1", "Are you open?", True),
        ("caller_2", "Bye.", False),
        ("caller_2", "Bye.", True),
    ]


def test_the_words_of_who_interrupts_are_an_item_of_their_own(scene: Scene) -> None:
    scene.hears(words("Hi.", "input"), SOUND, {"serverContent": {"interrupted": True}}, words("No", "input"), OVER)
    scene.hears(words(" way.", "input"), SOUND)
    assert scene.told.said[-1] == ("caller_2", "No way.", True)


def test_models_that_tell_a_voice(scene: Scene) -> None:
    scene.dialogue.connected(1_000)
    scene.hears({"voiceActivity": {"voiceActivityType": "ACTIVITY_START", "audioOffset": "0.5s"}})
    scene.hears(words("Hi.", "input"))
    scene.hears({"voiceActivity": {"voiceActivityType": "ACTIVITY_END", "audioOffset": "1.25s"}}, SOUND)
    scene.hears({"voiceActivity": {"voiceActivityType": "ACTIVITY_END", "audioOffset": "2s"}})
    assert (scene.told.started, scene.told.stopped) == ([("caller_1", 1_500)], [("caller_1", 2_250)])
    assert scene.told.said[-1] == ("caller_1", "Hi.", True)


def test_only_a_session_that_can_be_resumed_has_a_handle(scene: Scene) -> None:
    scene.hears({"sessionResumptionUpdate": {"resumable": True, "newHandle": "h1"}})
    scene.hears({"sessionResumptionUpdate": {"resumable": False}})
    assert scene.dialogue.handle == "h1"


def test_sound_that_is_none(scene: Scene) -> None:
    part = {"inlineData": {"mimeType": "audio/pcm", "data": "?"}}
    with pytest.raises(WireError, match="base64"):
        scene.hears({"serverContent": {"modelTurn": {"parts": [part]}}})


@pytest.mark.parametrize(
    "message",
    [
        {"serverContent": []},
        {"serverContent": {"modelTurn": {"parts": [None, {"inlineData": 1}]}, "inputTranscription": 1}},
        {"toolCallCancellation": {"ids": 1}},
        {"usageMetadata": 1},
        {"somethingNew": {}},
    ],
)
def test_what_is_not_understood_is_passed_over(scene: Scene, message: dict[str, Any]) -> None:
    scene.hears(message)
    assert scene.told.events == []
