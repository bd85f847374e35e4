import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from pydantic import BaseModel

from offhook.calls.tools.base import Tool, ToolContext, ToolRules
from offhook.calls.tools.runner import ToolRunner
from offhook.errors import ToolError
from offhook.providers.llm.base import ToolCall, ToolSpec
from tests.calls.tools.conftest import Calls

_SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


class Does(Tool):
    """A tool that does what it is given."""

    spec = ToolSpec("do", "", _SCHEMA)

    def __init__(self, work: Callable[[int], Awaitable[Any]]):
        self._work = work
        self.runs = 0

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        self.runs += 1
        return await self._work(arguments["n"])


async def _double(number: int) -> Any:
    return {"result": number * 2}


def _runner(calls: Calls, tool: Tool, **limits: Any) -> ToolRunner:
    return ToolRunner([tool], calls.context(), **limits)


async def test_a_result(calls: Calls) -> None:
    run = await _runner(calls, Does(_double)).run(ToolCall("1", "do", {"n": "21"}))
    assert (run.text, run.error) == ('{"result":42}', "")
    assert 0 <= run.took_ms < 3000


def test_what_may_be_called(calls: Calls) -> None:
    assert [spec.name for spec in _runner(calls, Does(_double)).specs] == ["do"]


@pytest.mark.parametrize(
    ("name", "arguments", "fault"),
    [
        ("undo", {}, "there is no tool undo; there are: do"),
        ("do", {}, "n: Field required"),
        ("do", {"n": "x"}, "n: Input should be"),
    ],
)
async def test_a_wrong_call(calls: Calls, name: str, arguments: dict[str, Any], fault: str) -> None:
    tool = Does(_double)
    run = await _runner(calls, tool).run(ToolCall("1", name, arguments))
    assert orjson.loads(run.text) == {"error": run.error}
    assert fault in run.error
    assert tool.runs == 0


async def test_the_same_id_runs_once(calls: Calls) -> None:
    tool = Does(_double)
    runner = _runner(calls, tool)
    runs = await asyncio.gather(*(runner.run(ToolCall("1", "do", {"n": place})) for place in range(5)))
    assert {run.text for run in runs} == {'{"result":0}'}
    await runner.run(ToolCall("2", "do", {"n": 1}))
    assert tool.runs == 2


async def test_giving_up_waiting_does_not_stop_it(calls: Calls) -> None:
    finished = asyncio.Event()

    async def work(_: int) -> Any:
        await asyncio.sleep(0)
        finished.set()
        return {}

    tool = Does(work)
    runner = _runner(calls, tool)
    waiting = asyncio.create_task(runner.run(ToolCall("1", "do", {"n": 1})))
    await asyncio.sleep(0)
    waiting.cancel()
    await runner.close()
    assert finished.is_set()
    assert (await runner.run(ToolCall("1", "do", {"n": 1}))).text == "{}"
    assert tool.runs == 1


async def test_a_time_limit(calls: Calls) -> None:
    async def work(_: int) -> Any:
        await asyncio.Event().wait()

    run = await _runner(calls, Does(work), timeout_s=0.01).run(ToolCall("1", "do", {"n": 1}))
    assert run.error == "do took longer than 0.01 s"


@pytest.mark.parametrize(
    ("error", "text"), [(ToolError("no paper"), "no paper"), (ValueError("secret"), "do failed: ValueError")]
)
async def test_a_tool_that_fails(calls: Calls, error: Exception, text: str) -> None:
    async def work(_: int) -> Any:
        raise error

    run = await _runner(calls, Does(work)).run(ToolCall("1", "do", {"n": 1}))
    assert run.error == text
    assert "secret" not in run.text


async def test_a_result_that_is_too_long_or_no_json(calls: Calls) -> None:
    async def work(number: int) -> Any:
        return "x" * 200 if number else object()

    runner = _runner(calls, Does(work), max_bytes=100)
    assert "the most is 100" in (await runner.run(ToolCall("1", "do", {"n": 1}))).error
    no_json = await runner.run(ToolCall("2", "do", {"n": 0}))
    assert no_json.error == "do gave a result that cannot be written as JSON"


async def test_a_result_of_models_dataclasses_and_dates(calls: Calls) -> None:
    class Slot(BaseModel):
        begins: dt.time

    @dataclass
    class Day:
        date: dt.date
        slots: list[Slot]

    async def work(_: int) -> Any:
        return Day(dt.date(2026, 3, 2), [Slot(begins=dt.time(9, 30))])

    run = await _runner(calls, Does(work)).run(ToolCall("1", "do", {"n": 1}))
    assert run.text == '{"date":"2026-03-02","slots":[{"begins":"09:30:00"}]}'


async def test_a_limit_of_its_own(calls: Calls) -> None:
    async def work(_: int) -> Any:
        await asyncio.Event().wait()

    tool = Does(work)
    tool.rules = ToolRules(timeout_s=0.01)
    run = await _runner(calls, tool, timeout_s=3_600).run(ToolCall("1", "do", {"n": 1}))
    assert run.error == "do took longer than 0.01 s"


async def test_what_times_out_within_it_is_not_its_limit(calls: Calls) -> None:
    async def work(_: int) -> Any:
        raise TimeoutError

    run = await _runner(calls, Does(work)).run(ToolCall("1", "do", {"n": 1}))
    assert run.error == "do failed: TimeoutError"


async def test_a_tool_that_is_stopped(calls: Calls) -> None:
    begun = asyncio.Event()

    async def work(_: int) -> Any:
        begun.set()
        await asyncio.Event().wait()

    runner = _runner(calls, Does(work))
    runner.stop("1")
    running = asyncio.create_task(runner.run(ToolCall("1", "do", {"n": 1})))
    await begun.wait()
    runner.stop("1")
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_tool_whose_own_work_is_cancelled_has_failed(calls: Calls) -> None:
    async def work(_: int) -> Any:
        raise asyncio.CancelledError

    run = await _runner(calls, Does(work)).run(ToolCall("1", "do", {"n": 1}))
    assert run.error == "do failed: it was cancelled"


def test_the_rules_of_a_tool(calls: Calls) -> None:
    tool = Does(_double)
    tool.rules = ToolRules(filler="Let me see.")
    runner = _runner(calls, tool)
    assert (runner.rules("do"), runner.rules("undo")) == (tool.rules, ToolRules())


async def test_only_some_of_the_tools_may_be_called(calls: Calls) -> None:
    runner = _runner(calls, Does(_double))
    runner.limit(())
    assert list(runner.specs) == []
    assert (await runner.run(ToolCall("1", "do", {"n": 1}))).error == "there is no tool do; there are: "
    runner.limit(None)
    assert [spec.name for spec in runner.specs] == ["do"]
    assert (await runner.run(ToolCall("2", "do", {"n": 1}))).text == '{"result":2}'
