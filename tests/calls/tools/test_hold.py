from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from offhook.calls.tools.base import Sign
from offhook.calls.tools.hold import Hold, caller_is_next
from offhook.calls.tools.runner import ToolRun, ToolRunner
from offhook.errors import ToolError
from offhook.providers.llm.base import ToolCall
from tests.calls.tools.conftest import Calls
from tests.calls.tools.paper_hand import PaperHand


async def held(calls: Calls, arguments: Mapping[str, Any], sign: Sign = "time") -> tuple[PaperHand, ToolRun]:
    hand = PaperHand(sign=sign)
    runner = ToolRunner([Hold()], replace(calls.context(), hand=hand))
    return hand, await runner.run(ToolCall("1", "hold", dict(arguments)))


async def test_it_waits_in_silence_or_with_music(calls: Calls) -> None:
    silent, ran = await held(calls, {"seconds": 30}, "voice")
    assert (silent.done, ran.text) == ([("wait_for", 30)], '{"status":"over","because":"voice"}')
    music, ran = await held(calls, {"how": "music", "seconds": 90})
    assert (music.done, ran.text) == ([("hold_for", 90)], '{"status":"over","because":"time"}')
    usual, _ = await held(calls, {})
    assert usual.done == [("wait_for", 60)]


async def test_a_caller_who_left_is_an_error(calls: Calls) -> None:
    _, ran = await held(calls, {}, "gone")
    assert ran.error == "the caller hung up"


@pytest.mark.parametrize("arguments", [{"seconds": 0}, {"seconds": 301}, {"how": "dance"}, {"seconds": "long"}])
async def test_what_is_no_wait_is_refused(calls: Calls, arguments: dict[str, object]) -> None:
    hand, ran = await held(calls, arguments)
    assert ran.error.startswith(f"{next(iter(arguments))}: ")
    assert hand.done == []


async def test_it_needs_a_call(calls: Calls) -> None:
    assert not Hold().offered(calls.context())
    with pytest.raises(ToolError, match="no call"):
        await Hold()({}, calls.context())


def test_who_spoke_is_answered_and_not_the_tool() -> None:
    spoke = ToolRun('{"status":"over","because":"voice"}', 1)
    assert caller_is_next("hold", spoke)
    assert not caller_is_next("hold", ToolRun('{"status":"over","because":"time"}', 1))
    assert not caller_is_next("hold", ToolRun.failed("the caller hung up"))
    assert not caller_is_next("take_message", spoke)
