import datetime as dt
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import offhook
from offhook import Agent, ToolContext
from offhook.calls.tools.base import ToolRules
from offhook.config import Settings
from offhook.errors import ConfigError


def test_the_top_level_has_what_users_need_and_no_more() -> None:
    assert sorted(offhook.__all__) == ["Agent", "ToolContext", "ToolError", "__version__"]
    assert all(hasattr(offhook, name) for name in offhook.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Agents'"):
        _ = offhook.Agents


def test_who_only_wants_the_version_does_not_wait_for_the_rest() -> None:
    check = "import sys, offhook; offhook.__version__; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], timeout=60, check=False).returncode == 0


async def test_a_function_becomes_a_tool_and_stays_a_function() -> None:
    agent = Agent()

    @agent.tool
    async def free_times(day: dt.date) -> list[str]:
        """Free times of a day."""
        return [day.isoformat()]

    @agent.tool(name="book", timeout_s=9, filler="Let me see.", on_barge_in="cancel", after_speech=True)
    async def book_time(day: dt.date) -> None:
        """Book a day."""

    assert [tool.spec.name for tool in agent.tools] == ["free_times", "book"]
    assert [tool.rules for tool in agent.tools] == [ToolRules(), ToolRules(9, "Let me see.", "cancel", True)]
    assert await free_times(dt.date(2026, 3, 2)) == ["2026-03-02"]


def test_a_function_that_is_not_async_is_refused_where_it_is_written() -> None:
    def wait() -> None:
        """Block."""

    agent: Any = Agent()
    with pytest.raises(ConfigError, match=r"test_agent\.py:\d+: wait is not async\n.*async def"):
        agent.tool(wait)
    assert agent.tools == ()


@pytest.mark.parametrize("rules", [{"on_barge_in": "stop"}, {"timeout_s": 0}, {"timeout_s": -1}])
def test_rules_that_make_no_sense_are_refused(rules: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(rules))):
        Agent().tool(**rules)


def test_a_thing_that_is_no_function_is_refused() -> None:
    agent: Any = Agent()
    with pytest.raises(TypeError, match="is no function"):
        agent.tool(7)


async def test_what_a_lifespan_yields_is_shared_by_the_tools(tmp_path: Path) -> None:
    agent, steps = Agent(), list[str]()

    @agent.lifespan
    async def pool(settings: Settings) -> AsyncIterator[list[str]]:
        steps.append(f"up, {settings.server.http_port}")
        yield steps
        steps.append("down")

    @agent.tool
    async def look(context: ToolContext) -> bool:
        """Look."""
        return context.shared is steps

    [tool] = agent.tools
    context = ToolContext("call-1", "", tmp_path, lambda: dt.datetime.now(dt.UTC))
    assert await tool({}, context) is False
    async with agent.running(Settings()):
        assert await tool({}, context) is True
        assert steps == ["up, 8000"]
    assert steps == ["up, 8000", "down"]
    assert await tool({}, context) is False


async def test_a_lifespan_may_be_a_context_manager() -> None:
    agent, steps = Agent(), list[str]()

    @agent.lifespan
    @asynccontextmanager
    async def pool(_: Settings) -> AsyncIterator[None]:
        steps.append("up")
        yield
        steps.append("down")

    async with agent.running(Settings()):
        assert steps == ["up"]
    assert steps == ["up", "down"]


async def test_an_agent_without_a_lifespan_runs_too() -> None:
    async with Agent().running(Settings()):
        pass


def test_what_is_no_lifespan() -> None:
    async def once(_: Settings) -> None:
        """Nothing is yielded."""

    with pytest.raises(TypeError, match="no async generator"):
        Agent().lifespan(once)  # type: ignore[type-var]


def test_there_is_one_lifespan() -> None:
    agent = Agent()

    async def pool(_: Settings) -> AsyncIterator[None]:
        yield

    agent.lifespan(pool)
    with pytest.raises(ValueError, match="one lifespan"):
        agent.lifespan(pool)
