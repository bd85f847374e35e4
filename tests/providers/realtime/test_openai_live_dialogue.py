from base64 import b64encode
from typing import Any

import orjson
import pytest

from offhook.audio.formats import PCM_16K
from offhook.errors import WireError
from offhook.providers.openai_events import Failure
from offhook.providers.realtime.base import Usage
from offhook.providers.realtime.key_limits import KeyLimits
from offhook.providers.realtime.openai_live_dialogue import LiveDialogue
from tests.providers.realtime.listening import Told

LOUD = b64encode(b"\x00\x10" * 1_600).decode()
ZERO = b64encode(bytes(3_200)).decode()


class Talk:
    """A dialogue whose clock runs with the sound it gives."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.told = Told()
        self.limits = KeyLimits()
        self.dialogue = LiveDialogue(
            lambda event: self.sent.append(orjson.loads(event)),
            self.told,
            wire=PCM_16K,
            leg=PCM_16K,
            limits=self.limits.of("m"),
            grace_ms=4_000,
            think_ms=3_000,
        )
        self.take("session.started", session={"expires_at": 5})

    def take(self, kind: str, **fields: Any) -> Failure | None:
        return self.dialogue.take({"type": kind, **fields})

    def sound(self, *pieces: str) -> None:
        for piece in pieces:
            self.dialogue.clock_ms += 100
            self.take("session.output_audio.delta", delta=piece)

    def words(self, text: str, start_ms: int, end_ms: int) -> None:
        self.take("session.input_transcript.delta", delta=text, start_ms=start_ms, end_ms=end_ms)

    def backend(self, kind: str, **fields: Any) -> Failure | None:
        return self.take("response.event", delegation_id="d", event={"type": kind, **fields})

    def call(self) -> None:
        self.take("session.delegation.created", delegation={"id": "d"})
        self.backend("response.created")
        item = {"type": "function_call", "call_id": "c", "name": "book", "arguments": "{}"}
        self.backend("response.output_item.done", item=item)
        self.backend("response.completed", response={})


def test_a_session_that_has_begun_knows_when_it_ends() -> None:
    talk = Talk()
    assert talk.dialogue.ready
    assert talk.dialogue.expires_at == 5


def test_a_session_with_other_audio_is_the_end() -> None:
    failure = Talk().take("session.started", session={"audio": {"format": {"type": "audio/pcma"}}})
    assert failure
    assert (failure.fatal, failure.retryable) == (True, False)


def test_an_answer_to_the_caller_is_over_with_its_sound() -> None:
    talk = Talk()
    talk.sound(*[ZERO] * 10)
    talk.words("Hello.", 200, 800)
    talk.sound(*[LOUD] * 5, *[ZERO] * 5)
    assert not talk.told.responses
    talk.sound(ZERO)
    assert talk.told.events == ["started", "stopped", "audio", "item done", "response done"]


def test_words_that_are_not_answered_are_let_be_after_a_while() -> None:
    talk = Talk()
    talk.words("Hm.", 0, 100)
    talk.sound(*[ZERO] * 48)
    assert not talk.told.responses
    talk.sound(*[ZERO] * 2)
    assert talk.told.responses == [("completed", "")]


def test_what_was_asked_for_is_waited_for_and_silence_is_no_sign() -> None:
    talk = Talk()
    talk.dialogue.say("Say hello.")
    signs = talk.told.signs
    talk.sound(*[ZERO] * 100)
    assert talk.told.signs == signs
    assert not talk.told.responses
    talk.sound(LOUD, *[ZERO] * 6)
    assert talk.told.signs > signs
    assert talk.told.responses == [("completed", "")]


def test_who_asked_twice_is_told_twice() -> None:
    talk = Talk()
    talk.dialogue.say("One.")
    talk.dialogue.say("Two.")
    talk.sound(LOUD, LOUD, *[ZERO] * 6)
    assert len(talk.told.responses) == 2


def test_sound_of_before_is_no_answer_to_what_was_asked_for_in_its_middle() -> None:
    talk = Talk()
    talk.sound(LOUD, LOUD)
    talk.dialogue.say("Say hello.")
    talk.sound(LOUD, *[ZERO] * 10)
    assert not talk.told.responses
    talk.sound(LOUD, *[ZERO] * 6)
    assert talk.told.responses


def test_a_tool_is_the_end_of_an_answer_and_its_result_begins_another() -> None:
    talk = Talk()
    talk.words("Book.", 0, 100)
    talk.call()
    assert talk.told.events == ["started", "stopped", "call", "response done"]
    signs = talk.told.signs
    talk.sound(*[ZERO] * 100)
    assert talk.told.signs == signs + 100
    talk.dialogue.tool_result("c", "{}", answer=True)
    assert [event["type"] for event in talk.sent] == ["response.item.create", "response.create"]
    talk.sound(*[LOUD] * 2, *[ZERO] * 6)
    assert len(talk.told.responses) == 1
    talk.backend("response.created")
    talk.backend("response.completed", response={})
    talk.sound(*[LOUD] * 2, *[ZERO] * 6)
    assert len(talk.told.responses) == 2


def test_words_that_come_behind_the_tool_are_no_other_turn() -> None:
    talk = Talk()
    talk.sound(*[ZERO] * 10)
    talk.call()
    talk.words("Goodbye.", 100, 800)
    talk.sound(*[ZERO] * 20)
    assert talk.told.said[-1][1:] == ("Goodbye.", True)
    assert not talk.told.started


def test_a_backend_may_think_for_a_while() -> None:
    talk = Talk()
    talk.backend("response.created")
    signs = talk.told.signs
    talk.sound(*[ZERO] * 60)
    assert 25 <= talk.told.signs - signs <= 31


def test_a_backend_that_fails_gave_no_answer() -> None:
    talk = Talk()
    talk.backend("response.created")
    failure = talk.backend("response.failed", response={"error": {"code": "insufficient_quota", "message": "No."}})
    assert failure
    assert failure.fatal
    assert talk.told.responses[0][0] == "failed"
    assert talk.limits.broke > 0


def test_nothing_is_waited_for_after_a_cancellation() -> None:
    talk = Talk()
    talk.dialogue.say("Say hello.")
    talk.dialogue.cancel()
    talk.sound(LOUD, LOUD, *[ZERO] * 6)
    assert not talk.told.responses


@pytest.mark.parametrize(
    ("told", "used"),
    [([12.0, 25.0, 25.0], [12.0, 13.0]), ([10.0, 10.0, 4.0], [10.0, 4.0]), ([-1, None, "x"], [])],
)
def test_seconds_are_counted_once(told: list[Any], used: list[float]) -> None:
    talk = Talk()
    for seconds in told:
        talk.take("session.usage.updated", usage={"seconds": seconds})
    talk.take("session.usage.updated")
    assert talk.told.usage == [Usage(seconds=seconds) for seconds in used]


@pytest.mark.parametrize(("reason", "retryable"), [("expired", True), ("content", False), ("connection_lost", True)])
def test_a_closed_session_is_the_end_and_has_the_bill(reason: str, retryable: bool) -> None:
    talk = Talk()
    failure = talk.take("session.closed", reason=reason, usage={"seconds": 3.5})
    assert failure
    assert (failure.fatal, failure.retryable) == (True, retryable)
    assert talk.told.usage == [Usage(seconds=3.5)]


def test_behind_the_farewell_only_the_bill_counts() -> None:
    talk = Talk()
    talk.dialogue.settle({"type": "session.output_audio.delta", "delta": LOUD})
    talk.dialogue.settle({"type": "session.closed", "reason": "close_requested", "usage": {"seconds": 1}})
    assert talk.dialogue.closed
    assert talk.told.usage == [Usage(seconds=1)]
    assert not talk.told.events


def test_a_refusal_of_what_was_asked_for_is_no_answer() -> None:
    talk = Talk()
    talk.dialogue.say("Say hello.")
    error = {"code": "invalid_value", "message": "No.", "type": "invalid_request_error"}
    assert talk.take("error", error=error | {"client_event_id": talk.sent[0]["event_id"]}) is None
    assert talk.told.responses == [("failed", "invalid_value: No.")]
    assert talk.take("error", error=error) is None
    assert len(talk.told.responses) == 1


@pytest.mark.parametrize(
    "event",
    [
        {"type": "session.output_audio.delta", "delta": "*"},
        {"type": "session.output_audio.delta", "delta": "AA=="},
        {"type": "session.input_transcript.delta", "delta": "a"},
        {"type": "session.output_transcript.delta", "delta": "a", "start_ms": "soon"},
        {"type": "response.event"},
        {"type": "error"},
    ],
)
def test_what_breaks_the_protocol(event: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        Talk().dialogue.take(event)


def test_events_that_mean_nothing_are_signs_all_the_same() -> None:
    talk = Talk()
    signs = talk.told.signs
    talk.take("info", code="x", message="y")
    assert talk.told.signs == signs + 1
