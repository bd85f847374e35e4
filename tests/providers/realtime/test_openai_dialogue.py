from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from offhook.audio.formats import MULAW_8K
from offhook.config import RealtimeSettings
from offhook.errors import WireError
from offhook.providers.llm.base import ToolCall
from offhook.providers.openai_events import Failure
from offhook.providers.realtime.base import TurnDetection, Usage
from offhook.providers.realtime.key_limits import RateLimits
from offhook.providers.realtime.openai_dialogue import Dialogue
from offhook.providers.realtime.openai_wire import session_object, user_message
from tests.providers.realtime.listening import Told

SETTINGS = RealtimeSettings(kind="openai", model="gpt-realtime-2.1-mini", voice="marin")
Step = Callable[[], object]
SAID = "conversation.item.input_audio_transcription"


class Rig:
    """A dialogue with a server that the test plays."""

    def __init__(self, turns: TurnDetection = TurnDetection(), *, ready: bool = True) -> None:  # noqa: B008 - frozen
        self.sent: list[dict[str, Any]] = []
        self.told = Told()
        self.limits = RateLimits()
        session = session_object(SETTINGS, instructions="You are Ann.", tools=[], format=MULAW_8K)
        self.dialogue = Dialogue(
            lambda event: self.sent.append(orjson.loads(event)),
            self.told,
            model=SETTINGS.model,
            session=session,
            turns=turns,
            history=[user_message("before")],
            wire=MULAW_8K,
            leg=MULAW_8K,
            limits=self.limits,
        )
        if ready:
            self.take("session.created", session={})
            self.take("session.updated", session=session)
            self.sent.clear()

    def take(self, kind: str, **fields: Any) -> Failure | None:
        return self.dialogue.take({"type": kind, **fields})

    def error(self, code: str, **more: str) -> Failure | None:
        return self.take("error", error={"type": "x", "code": code, "message": "no", **more})

    def begin(self, response: str, request: str = "") -> None:
        self.take("response.created", response={"id": response, "metadata": {"request": request} if request else None})

    def end(self, response: str, status: str = "completed", **fields: Any) -> Failure | None:
        return self.take("response.done", response={"id": response, "status": status, "output": [], **fields})

    def audio(self, response: str, item: str, audio: bytes = b"\x01" * 160, kind: str = "output_audio") -> None:
        delta = b64encode(audio).decode()
        self.take(f"response.{kind}.delta", response_id=response, item_id=item, content_index=0, delta=delta)

    def call(self, response: str, call: str, arguments: str = "{}", **more: str) -> None:
        item = {"type": "function_call", "id": "f", "call_id": call, "name": "look", "arguments": arguments, **more}
        self.take("response.output_item.done", response_id=response, item=item)

    def caller_speaks(self, item: str = "u1") -> None:
        self.take("input_audio_buffer.speech_started", item_id=item, audio_start_ms=100)

    def caller_stops(self, item: str = "u1") -> None:
        self.take("input_audio_buffer.speech_stopped", item_id=item, audio_end_ms=900)

    @property
    def kinds(self) -> list[str]:
        return [event["type"] for event in self.sent]

    @property
    def asked(self) -> list[str]:
        """The ids of the answers that were asked for."""
        return [event["event_id"] for event in self.sent if event["type"] == "response.create"]


def test_the_session_is_configured_before_anything_else() -> None:
    rig = Rig(ready=False)
    rig.dialogue.say("Greet.")
    rig.dialogue.user_text("Hi.")
    assert rig.sent == []
    assert rig.dialogue.waiting
    rig.take("session.created", session={})
    assert rig.kinds == ["session.update"]
    assert rig.take("session.updated", session={}) is None
    assert rig.kinds[1:] == ["conversation.item.create", "conversation.item.create", "response.create"]
    assert rig.sent[-1]["response"]["instructions"] == "You are Ann.\n\nGreet."
    assert rig.sent[1]["item"]["content"][0]["text"] == "before"
    rig.take("session.updated", session={})
    assert rig.told.ready == 1


def unlike(logs: Sequence[Mapping[str, Any]]) -> list[object]:
    """The settings that are said to be otherwise."""
    return [log["settings"] for log in logs if "settings" in log]


def test_a_session_that_is_otherwise_is_told_in_the_log() -> None:
    rig = Rig(ready=False)
    wanted = session_object(SETTINGS, instructions="You are Ann.", tools=[], format=MULAW_8K)
    rig.take("session.created", session={})
    with capture_logs() as logs:
        rig.take("session.updated", session={**wanted, "instructions": "", "max_output_tokens": 4_096})
    assert rig.told.ready == 1
    assert unlike(logs) == [["instructions", "max_output_tokens"]]


def test_changes_are_compared_when_the_last_of_them_was_made() -> None:
    rig = Rig()
    wanted = session_object(SETTINGS, instructions="You are Ann.", tools=[], format=MULAW_8K)
    rig.dialogue.update({"instructions": "You are Bob."}, None)
    rig.dialogue.update({"instructions": "You are Eve."}, None)
    with capture_logs() as logs:
        rig.take("session.updated", session={**wanted, "instructions": "You are Bob."})
        rig.take("session.updated", session={**wanted, "instructions": "You are Eve."})
        assert unlike(logs) == []
        rig.dialogue.update({"instructions": "You are Joe."}, None)
        rig.take("session.updated", session={**wanted, "instructions": "You are Eve."})
    assert unlike(logs) == [["instructions"]]


def test_a_change_that_was_refused_is_not_missed() -> None:
    rig = Rig()
    wanted = session_object(SETTINGS, instructions="You are Ann.", tools=[], format=MULAW_8K)
    rig.dialogue.update({"audio": {"output": {"voice": "ash"}}}, None)
    with capture_logs() as logs:
        rig.error("cannot_update_voice", event_id=rig.sent[-1]["event_id"])
        rig.dialogue.update({"tools": []}, None)
        rig.take("session.updated", session=wanted)
    assert unlike(logs) == []


def test_a_change_before_the_server_greets_is_part_of_the_first_request() -> None:
    rig = Rig(ready=False)
    rig.dialogue.update({"instructions": "You are Bob."}, TurnDetection("none"))
    rig.take("session.created", session={})
    [asked] = rig.sent
    assert asked["session"]["instructions"] == "You are Bob."
    assert asked["session"]["audio"]["input"]["turn_detection"] is None
    assert asked["session"]["audio"]["input"]["format"] == {"type": "audio/pcmu"}


def test_events_have_names_of_the_beta_too() -> None:
    rig = Rig()
    rig.begin("r1")
    rig.audio("r1", "a1", kind="audio")
    rig.take("response.audio_transcript.delta", response_id="r1", item_id="a1", delta="Hi")
    rig.take("response.audio_transcript.done", response_id="r1", item_id="a1", transcript="Hi.")
    rig.take("response.audio.done", response_id="r1", item_id="a1")
    assert rig.told.audio == {"a1": b"\x01" * 160}
    assert rig.told.text == {"a1": "Hi."}
    assert rig.told.done == ["a1"]


def test_a_text_that_comes_whole_stands_in_for_its_pieces() -> None:
    rig = Rig()
    rig.take("response.output_audio_transcript.delta", response_id="r1", item_id="a1", delta="Hello the")
    rig.take("response.output_audio_transcript.done", response_id="r1", item_id="a1", transcript="Hello there.")
    rig.take("response.output_text.delta", response_id="r1", item_id="a2", delta="Bye.")
    rig.take("response.output_text.done", response_id="r1", item_id="a2", text="Bye.")
    assert rig.told.text == {"a1": "Hello there.", "a2": "Bye."}


def test_audio_before_its_answer_began_and_an_end_without_a_beginning() -> None:
    rig = Rig()
    rig.audio("r1", "a1")
    rig.begin("r1")
    assert rig.dialogue.waiting
    rig.end("r1")
    rig.end("r2")
    assert rig.told.events == ["ready", "audio", "item done", "response done"]
    assert len(rig.told.responses) == 2
    assert not rig.dialogue.waiting


def test_an_answer_that_began_after_its_end_holds_nothing_up() -> None:
    rig = Rig()
    rig.end("r1")
    rig.begin("r1")
    assert not rig.dialogue.waiting


def test_audio_after_the_end_of_its_item_is_not_played() -> None:
    rig = Rig()
    rig.audio("r1", "a1")
    rig.take("response.output_audio.done", response_id="r1", item_id="a1")
    rig.take("response.output_item.done", response_id="r1", item={"id": "a1", "type": "message"})
    rig.audio("r1", "a1")
    assert len(rig.told.audio["a1"]) == 160
    assert rig.told.done == ["a1"]


def test_two_items_of_one_answer_and_two_answers_at_once() -> None:
    rig = Rig()
    rig.begin("r1")
    rig.begin("r2")
    for response, item in (("r1", "a1"), ("r2", "b1"), ("r1", "a2"), ("r1", "a1")):
        rig.audio(response, item)
    rig.end("r1")
    assert rig.told.done == ["a1", "a2"]
    assert rig.dialogue.waiting
    rig.end("r2")
    assert rig.told.done == ["a1", "a2", "b1"]


def test_nothing_more_is_told_of_an_answer_that_was_interrupted() -> None:
    rig = Rig()
    rig.begin("r1")
    rig.audio("r1", "a1")
    rig.caller_speaks()
    rig.audio("r1", "a1")
    rig.audio("r1", "a2")
    rig.take("response.output_audio_transcript.done", response_id="r1", item_id="a1", transcript="Hello")
    rig.call("r1", "c1")
    rig.end("r1", "cancelled", status_details={"reason": "turn_detected"})
    rig.audio("r1", "a1")
    assert len(rig.told.audio["a1"]) == 160
    assert (list(rig.told.audio), rig.told.text, rig.told.calls) == (["a1"], {}, [])
    assert (rig.told.interrupted, rig.told.responses) == (1, [("cancelled", "turn_detected")])


def test_an_interruption_of_which_nothing_was_told_before() -> None:
    rig = Rig()
    rig.begin("r1")
    rig.audio("r1", "a1")
    rig.end("r1", "cancelled", status_details={"reason": "turn_detected"})
    assert rig.told.events[-3:] == ["item done", "interrupted", "response done"]


def test_an_answer_that_must_not_be_interrupted_goes_on() -> None:
    rig = Rig(TurnDetection(interrupts=False))
    rig.begin("r1")
    rig.caller_speaks()
    rig.audio("r1", "a1")
    assert rig.told.audio
    assert rig.told.interrupted == 0


def test_truncations_never_go_beyond_what_was_made() -> None:
    rig = Rig()
    rig.begin("r1")
    rig.audio("r1", "a1", bytes(1_000))
    rig.dialogue.heard("a1", 5_000)
    assert rig.sent == [
        {"type": "conversation.item.truncate", "item_id": "a1", "content_index": 0, "audio_end_ms": 125}
    ]
    rig.audio("r1", "a1")
    assert len(rig.told.audio["a1"]) == 1_000


def test_a_tool_call_is_told_once_wherever_it_is_told() -> None:
    rig = Rig()
    rig.begin("r1")
    rig.call("r1", "c1", '{"x":1}')
    item = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"x":1}', "status": "completed"}
    rig.end("r1", output=[item, item | {"call_id": "c2"}, item | {"call_id": "c3", "status": "incomplete"}, "noise"])
    assert rig.told.calls == [ToolCall("c1", "look", {"x": 1}), ToolCall("c2", "look", {"x": 1})]
    assert rig.told.events[-2:] == ["call", "response done"]


@pytest.mark.parametrize("arguments", ["{", "[]", "7"])
def test_arguments_that_are_none_are_told_to_the_model(arguments: str) -> None:
    rig = Rig()
    rig.begin("r1")
    rig.call("r1", "c1", arguments)
    rig.end("r1")
    assert rig.told.calls == []
    assert rig.sent[0]["item"]["output"] == '{"error":"the arguments are not a JSON object"}'
    assert rig.kinds == ["conversation.item.create", "response.create"]


def test_the_model_goes_on_after_the_answer_and_all_its_results() -> None:
    rig = Rig()
    rig.begin("r1")
    rig.call("r1", "c1")
    rig.dialogue.tool_result("c1", '"a"', answer=True)
    rig.call("r1", "c2")
    rig.dialogue.tool_result("c2", '"b"', answer=False)
    assert rig.asked == []
    rig.end("r1")
    assert len(rig.asked) == 1
    assert rig.kinds == ["conversation.item.create", "conversation.item.create", "response.create"]


def test_a_result_while_the_caller_speaks_is_given_and_answered_with_his_turn() -> None:
    rig = Rig()
    rig.begin("r1")
    rig.call("r1", "c1")
    rig.end("r1")
    rig.caller_speaks()
    rig.dialogue.tool_result("c1", '"a"', answer=True)
    rig.caller_stops()
    assert rig.kinds == ["conversation.item.create"]
    rig.begin("r2")
    rig.end("r2")
    assert rig.asked == []


def test_a_result_while_another_answer_is_given_waits_for_its_end() -> None:
    rig = Rig()
    rig.begin("r1")
    rig.call("r1", "c1")
    rig.end("r1")
    rig.begin("r2")
    rig.dialogue.tool_result("c1", '"a"', answer=True)
    assert rig.asked == []
    rig.end("r2")
    assert len(rig.asked) == 1


def test_a_line_does_not_wait_for_a_caller_who_will_not_stop() -> None:
    rig = Rig()
    rig.caller_speaks()
    rig.dialogue.say("We must stop now.")
    assert len(rig.asked) == 1


def test_a_server_that_is_busy_is_asked_again_when_it_is_not() -> None:
    rig = Rig()
    rig.dialogue.user_text("Hi.")
    assert rig.error("conversation_already_has_active_response", event_id=rig.asked[0]) is None
    assert len(rig.asked) == 1
    rig.begin("r1")
    rig.end("r1")
    # That answer began after the text was given, and so it was one to it.
    assert len(rig.asked) == 1
    rig.dialogue.say("Bye.")
    rig.error("conversation_already_has_active_response", event_id=rig.asked[1])
    rig.begin("r2")
    rig.end("r2")
    assert len(rig.asked) == 3
    assert rig.told.responses == [("completed", ""), ("completed", "")]


def test_an_answer_that_the_server_will_not_give() -> None:
    rig = Rig()
    rig.dialogue.user_text("Hi.")
    assert rig.error("invalid_value", event_id=rig.asked[0]) is None
    assert rig.told.responses == [("failed", "invalid_value: no")]
    assert not rig.dialogue.waiting


def test_an_answer_of_ours_and_one_of_the_servers_are_told_apart() -> None:
    rig = Rig()
    rig.dialogue.say("Bye.")
    rig.caller_speaks()
    rig.caller_stops()
    rig.begin("r1")
    rig.begin("r2", rig.asked[0])
    rig.end("r1")
    rig.end("r2")
    assert not rig.dialogue.waiting
    assert len(rig.asked) == 1


def test_what_was_cancelled_before_it_began_is_cancelled_when_it_does() -> None:
    rig = Rig()
    rig.dialogue.user_text("Hi.")
    rig.dialogue.say("Bye.")
    rig.dialogue.cancel()
    rig.begin("r1", rig.asked[0])
    rig.audio("r1", "a1")
    rig.end("r1", "cancelled", status_details={"reason": "client_cancelled"})
    assert rig.sent[-1] == {"type": "response.cancel", "response_id": "r1"}
    assert (rig.told.audio, len(rig.asked)) == ({}, 1)


@pytest.mark.parametrize(
    "code", ["response_cancel_not_active", "input_audio_buffer_commit_empty", "item_truncate_invalid_item_id"]
)
def test_objections_are_no_end(code: str) -> None:
    rig = Rig()
    assert rig.error(code) is None
    assert rig.told.events == ["ready"]


@pytest.mark.parametrize(
    ("code", "retryable"),
    [
        ("insufficient_quota", False),
        ("invalid_api_key", False),
        ("account_deactivated", False),
        ("session_expired", True),
    ],
)
def test_errors_that_end_the_session(code: str, retryable: bool) -> None:
    failure = Rig().error(code)
    assert failure is not None
    assert (failure.fatal, failure.retryable) == (True, retryable)


def test_a_line_that_failed_is_asked_for_again_as_it_was() -> None:
    rig = Rig()
    rig.dialogue.say("Bye.")
    rig.begin("r1", rig.asked[0])
    assert rig.end("r1", "failed", status_details={"error": {"code": "server_error", "message": "no"}}) is None
    assert [event["response"]["instructions"] for event in rig.sent] == ["You are Ann.\n\nBye."] * 2
    assert rig.told.responses == []


def test_an_answer_that_failed_half_way_is_not_repeated() -> None:
    rig = Rig()
    rig.begin("r1")
    rig.audio("r1", "a1")
    assert rig.end("r1", "failed", status_details=None) is None
    assert (rig.told.responses[0][0], rig.asked) == ("failed", [])
    rig.begin("r2")
    failure = rig.end("r2", "failed", status_details={"error": {"code": "server_error", "message": "no"}})
    assert failure == Failure("server_error: no", "server_error", fatal=True, retryable=True)


def test_an_answer_in_between_forgives_a_failure() -> None:
    rig = Rig()
    for response in ("r1", "r3"):
        rig.begin(response)
        rig.audio(response, f"a{response}")
        assert rig.end(response, "failed") is None
        rig.end("r2" + response)


def test_a_refusal_by_the_limits_is_remembered() -> None:
    rig = Rig()
    rig.take("rate_limits.updated", rate_limits=[{"name": "tokens", "remaining": 9, "reset_seconds": 7.0}])
    assert rig.limits.exhausted == 0
    failure = rig.end("r1", "failed", status_details={"error": {"code": "rate_limit_exceeded", "message": "no"}})
    assert failure is not None
    assert failure.retryable
    assert 6 < rig.limits.exhausted <= 7


@pytest.mark.parametrize("reason", ["max_output_tokens", "content_filter"])
def test_an_answer_that_was_cut(reason: str) -> None:
    rig = Rig()
    rig.end("r1", "incomplete", status_details={"reason": reason})
    assert rig.told.responses == [("incomplete", reason)]


def test_usage_is_told() -> None:
    rig = Rig()
    usage = {"input_token_details": {"audio_tokens": 30}, "output_token_details": {"audio_tokens": 40}}
    rig.end("r1", usage=usage)
    assert rig.told.usage == [Usage(audio_in=30, audio_out=40)]


def test_an_answer_is_due_after_a_turn_and_after_a_long_silence() -> None:
    rig = Rig()
    steps: list[Step] = [
        rig.caller_speaks,
        rig.caller_stops,
        lambda: rig.begin("r1"),
        lambda: rig.end("r1"),
        lambda: rig.take("input_audio_buffer.timeout_triggered", item_id="u2", audio_start_ms=0, audio_end_ms=5_000),
    ]
    waiting = []
    for step in steps:
        step()
        waiting.append(rig.dialogue.waiting)
    assert waiting == [False, True, True, False, True]


def test_no_answer_is_due_where_the_server_gives_none() -> None:
    rig = Rig(TurnDetection(answers=False))
    rig.caller_speaks()
    rig.caller_stops()
    assert not rig.dialogue.waiting


def test_what_the_caller_said_comes_when_it_comes() -> None:
    rig = Rig()
    rig.begin("r1")
    rig.take(f"{SAID}.delta", item_id="u1", delta="Good")
    rig.take(f"{SAID}.delta", item_id="u2", delta="Hm")
    rig.take(f"{SAID}.delta", item_id="u1", delta=" day")
    rig.take(f"{SAID}.completed", item_id="u1", transcript=" Good day. ")
    rig.take(f"{SAID}.failed", item_id="u2", error={"message": "no"})
    assert rig.told.said == [
        ("u1", "Good", False),
        ("u2", "Hm", False),
        ("u1", "Good day", False),
        ("u1", "Good day.", True),
        ("u2", "", True),
    ]


def test_times_are_those_of_all_that_was_heard() -> None:
    rig = Rig()
    rig.dialogue.hearing.skipped_ms = 5_000
    rig.caller_speaks()
    rig.take("input_audio_buffer.speech_stopped", item_id="u1")
    assert (rig.told.started, rig.told.stopped) == ([("u1", 5_100)], [("u1", 5_000)])


def test_turns_may_be_told_another_way_in_mid_call() -> None:
    rig = Rig()
    rig.dialogue.end_turn()
    assert rig.sent == []
    rig.dialogue.update({}, TurnDetection("none"))
    rig.dialogue.end_turn()
    assert rig.sent[0]["session"] == {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
    assert rig.kinds[1:] == ["input_audio_buffer.commit", "response.create"]
    rig.dialogue.update({}, None)
    assert len(rig.sent) == 3


def test_events_that_are_not_known_are_passed_over() -> None:
    rig = Rig()
    assert rig.take("conversation.item.truncated", item_id="a1") is None
    assert rig.take("something.new") is None
    assert rig.told.events == ["ready"]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("response.done", {}),
        ("response.created", {"response": []}),
        ("response.output_audio.delta", {"delta": ""}),
        ("response.output_audio.delta", {"item_id": "a", "response_id": "r", "delta": "?"}),
        ("response.output_audio.done", {}),
        ("input_audio_buffer.speech_stopped", {}),
        (f"{SAID}.completed", {}),
        ("error", {}),
    ],
)
def test_events_that_break_the_protocol(kind: str, fields: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        Rig().take(kind, **fields)


def test_the_callers_words_are_billed_by_the_model_that_wrote_them_down() -> None:
    rig = Rig()
    rig.take(f"{SAID}.completed", item_id="u1", transcript="Hi.", usage={"type": "duration", "seconds": 1.5})
    rig.take(f"{SAID}.completed", item_id="u2", transcript="Hi.")
    assert rig.told.usage == [Usage(seconds=1.5, transcribed_by="gpt-transcribe")]


def test_a_session_that_ends_in_the_middle_of_an_answer_tells_an_estimate() -> None:
    rig = Rig()
    rig.begin("r1")
    for _ in range(50):
        rig.audio("r1", "a1")
    rig.dialogue.leave()
    [usage] = rig.told.usage
    assert (usage.audio_out, usage.estimated) == (20, True)
    rig.dialogue.leave()
    assert len(rig.told.usage) == 1
