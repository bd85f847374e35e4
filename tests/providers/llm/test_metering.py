from typing import Any

import pytest

from offhook.errors import ProviderError
from offhook.providers.llm.metering import AnswerMeter
from offhook.providers.usage import Usage

MESSAGES = [{"role": "user", "content": "Hello"}]
# 35 characters as the wire has it, which are 9 tokens.
ASKED = 9


def delta(**fields: Any) -> dict[str, Any]:
    return {"choices": [{"delta": fields}]}


def test_the_servers_own_count_stands() -> None:
    meter = AnswerMeter(MESSAGES, [])
    meter.came(delta(content="We open at eight."))
    meter.came({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 5}})
    assert meter.usage == Usage(text_in=9, text_out=5)


def test_of_several_counts_the_last_one_is_all() -> None:
    meter = AnswerMeter(MESSAGES, [])
    for said in (1, 2, 3):
        meter.came({**delta(content="a"), "usage": {"prompt_tokens": 9, "completion_tokens": said}})
    meter.failed(ProviderError("broke off"))
    assert meter.usage == Usage(text_in=9, text_out=3)


def test_an_answer_that_was_cut_short_is_estimated() -> None:
    meter = AnswerMeter(MESSAGES, [])
    meter.came(delta(role="assistant", content=""))
    meter.came(delta(content="We open"))
    meter.came(delta(reasoning_content="Hm."))
    meter.came(delta(tool_calls=[{"function": {"name": "book", "arguments": '{"a":1}'}}, None]))
    assert meter.usage == Usage(text_in=ASKED, text_out=5, estimated=True)


def test_tools_are_read_too() -> None:
    assert (AnswerMeter(MESSAGES, [{"type": "function"}]).usage or Usage()).text_in == ASKED + 5


def test_who_refuses_has_done_nothing() -> None:
    meter = AnswerMeter(MESSAGES, [])
    meter.failed(ProviderError("no", status=500))
    assert meter.usage is None


def test_who_was_given_up_has_read_the_question() -> None:
    late = ProviderError("nothing came for 1 s")
    late.__cause__ = TimeoutError()
    meter = AnswerMeter(MESSAGES, [])
    meter.failed(late)
    assert meter.usage == Usage(text_in=ASKED, estimated=True)


@pytest.mark.parametrize("chunk", [{}, {"choices": None}, {"choices": ["x"]}, {"choices": [{"delta": 7}]}])
def test_a_chunk_that_is_none(chunk: dict[str, Any]) -> None:
    meter = AnswerMeter(MESSAGES, [])
    meter.came(chunk)
    assert meter.usage == Usage(text_in=ASKED, estimated=True)
