from base64 import b64encode

from offhook.audio.formats import MULAW_8K, PCM_8K, PCM_24K
from offhook.providers.realtime.openai_answers import Answers
from offhook.providers.realtime.openai_speech import AgentSpeech
from tests.providers.realtime.listening import Told


def audio(item: str, data: bytes) -> dict[str, str]:
    return {"type": "x", "response_id": "r1", "item_id": item, "delta": b64encode(data).decode()}


def test_audio_leaves_in_the_format_of_the_leg() -> None:
    told, answers = Told(), Answers()
    speech = AgentSpeech(told, answers, wire=PCM_24K, leg=PCM_8K)
    take = speech.handlers["response.output_audio.delta"]
    take(audio("a1", bytes(100)))
    assert told.audio == {}
    take(audio("a1", bytes(PCM_24K.frame_bytes)))
    assert told.audio == {"a1": bytes(PCM_8K.frame_bytes)}
    speech.end_all(answers.get("r1"))
    assert told.audio == {"a1": bytes(2 * PCM_8K.frame_bytes)}
    assert told.done == ["a1"]


def test_the_end_of_an_item_that_was_cut_is_not_told() -> None:
    told, answers = Told(), Answers()
    speech = AgentSpeech(told, answers, wire=MULAW_8K, leg=MULAW_8K)
    speech.handlers["response.output_audio.delta"](audio("a1", bytes(160)))
    assert '"audio_end_ms":10' in speech.heard("a1", 10)
    speech.end("a1")
    speech.end("nobody")
    assert told.done == []
    assert speech.heard("nobody", 10) == ""
