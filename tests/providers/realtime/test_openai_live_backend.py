from typing import Any

import orjson
import pytest

from offhook.errors import WireError
from offhook.providers.realtime.base import Usage
from offhook.providers.realtime.openai_live_backend import LiveBackend
from tests.providers.realtime.listening import Told


class Chain:
    """A backend, and what it sends."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.told = Told()
        self.backend = LiveBackend(lambda event: self.sent.append(orjson.loads(event)), self.told)

    def take(self, kind: str, delegation: str = "d1", **fields: Any) -> Any:
        return self.backend.take({"delegation_id": delegation, "event": {"type": kind, **fields}})

    def call(self, call_id: str, arguments: str = "{}", delegation: str = "d1") -> None:
        item = {"type": "function_call", "call_id": call_id, "name": "book", "arguments": arguments}
        self.take("response.output_item.done", delegation, item=item)

    @property
    def state(self) -> tuple[bool, bool]:
        """Whether it is busy, and whether it waits."""
        return self.backend.busy, self.backend.waiting

    @property
    def kinds(self) -> list[str]:
        return [event["type"] for event in self.sent]


def test_it_goes_on_once_all_calls_of_all_answers_have_their_results() -> None:
    chain = Chain()
    for delegation, call_id in (("d1", "a"), ("d2", "b")):
        chain.take("response.created", delegation)
        chain.call(call_id, delegation=delegation)
        assert chain.take("response.completed", delegation, response={}) == (True, None)
    assert chain.state == (True, True)
    assert chain.backend.result("a", "{}", answer=True)
    assert chain.kinds == ["response.item.create"]
    assert chain.backend.result("b", "{}", answer=False)
    assert chain.kinds == ["response.item.create"] * 2 + ["response.create"]
    assert chain.state == (True, False)
    chain.take("response.created")
    assert chain.take("response.completed", response={}) == (False, None)
    assert chain.state == (False, False)


def test_a_result_that_is_quicker_than_the_end_of_the_answer_waits_for_it() -> None:
    chain = Chain()
    chain.take("response.created")
    chain.call("a")
    chain.backend.result("a", "{}", answer=True)
    assert chain.kinds == ["response.item.create"]
    chain.take("response.completed", response={})
    assert chain.kinds[-1] == "response.create"


def test_a_call_is_told_once_and_only_with_an_object() -> None:
    chain = Chain()
    chain.call("a", '{"day":1}')
    chain.call("a", '{"day":1}')
    chain.call("", "{}")
    chain.call("b", "[]")
    chain.call("c", "nonsense")
    assert [(call.id, call.arguments) for call in chain.told.calls] == [("a", {"day": 1})]
    assert [event["item"]["call_id"] for event in chain.sent] == ["b", "c"]


def test_an_answer_that_failed_forgets_its_calls() -> None:
    chain = Chain()
    chain.take("response.created")
    chain.call("a")
    called, failure = chain.take("response.failed", response={"error": {"code": "server_error", "message": "Oh."}})
    assert not called
    assert "Oh." in failure.text
    assert not failure.fatal
    assert not chain.backend.result("a", "{}", answer=True)
    assert not chain.sent
    assert not chain.backend.busy


def test_texts_of_the_caller_wait_for_results_too() -> None:
    chain = Chain()
    chain.call("a")
    chain.backend.user_text("hello")
    assert chain.kinds == ["response.item.create"]
    chain.take("response.completed", response={})
    chain.backend.result("a", "{}", answer=False)
    assert chain.kinds[-1] == "response.create"


def test_what_was_refused_is_not_waited_for() -> None:
    chain = Chain()
    chain.backend.user_text("hello")
    assert chain.backend.busy
    assert not chain.backend.refused("")
    assert not chain.backend.refused("another")
    assert chain.backend.refused(chain.sent[-1]["event_id"])
    assert not chain.backend.busy


def test_long_results_are_replaced_and_a_full_session_expires() -> None:
    chain = Chain()
    for number in range(4):
        chain.call(f"c{number}")
        chain.backend.result(f"c{number}", "x" * (9_000 if number == 0 else 7_500), answer=True)
    outputs = [event["item"]["output"] for event in chain.sent if event["type"] == "response.item.create"]
    assert "too long" in outputs[0]
    assert [len(output) for output in outputs[1:]] == [7_500] * 3
    assert len(chain.told.expiring) == 1


def test_many_results_fill_a_session_as_well() -> None:
    chain = Chain()
    for _ in range(100):
        chain.backend.user_text("a")
    assert len(chain.told.expiring) == 1


def test_what_it_used_is_told() -> None:
    chain = Chain()
    chain.take("response.completed", response={"usage": {"input_tokens": 3, "output_tokens": 2}})
    assert chain.told.usage == [Usage(text_in=3, text_out=2)]


def test_other_events_mean_nothing() -> None:
    chain = Chain()
    assert chain.take("response.output_text.delta", delta="a") == (False, None)
    chain.take("response.output_item.done", item={"type": "message"})
    chain.take("response.output_item.done", item=None)
    assert not chain.told.events


def test_an_event_without_one_inside_breaks_the_protocol() -> None:
    with pytest.raises(WireError):
        Chain().backend.take({"type": "response.event"})
