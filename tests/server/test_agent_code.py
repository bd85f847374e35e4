import sys
from pathlib import Path

import pytest

from offhook.calls.tools.functions import FunctionTool
from offhook.config import Settings
from offhook.errors import ConfigError
from offhook.server.agent_code import load_code, refuse_twins, running

GOOD = '''
from dataclasses import dataclass

from offhook import Agent

agent = again = Agent()


@dataclass
class Slot:
    time: str


@agent.tool
async def free_times() -> list[Slot]:
    """Free times."""
    return [Slot("10:00")]
'''


def written(folder: Path, text: str, name: str = "agent.py") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def tools_of(file: Path) -> list[FunctionTool]:
    return [tool for agent in load_code(file) for tool in agent.tools]


def test_the_tools_of_a_file_are_found_once(tmp_path: Path) -> None:
    [tool] = tools_of(written(tmp_path, GOOD))
    assert tool.spec.name == "free_times"
    assert (tool.file, tool.line) == (tmp_path / "agent.py", 14)


def test_two_files_of_one_name_are_two(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = GOOD.replace("free_times", "other_times")
    files = [written(tmp_path, GOOD), written(tmp_path / "other", other)]
    assert [tool.spec.name for file in files for tool in tools_of(file)] == ["free_times", "other_times"]


def test_a_file_may_import_what_lies_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    written(tmp_path, GOOD, "their_tools.py")
    assert len(load_code(written(tmp_path, "from their_tools import agent\n"))) == 1
    sys.modules.pop("their_tools")


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("x = 1\n", None, "holds no Agent"),
        ("x = (\n", 1, "SyntaxError: '\\(' was never closed"),
        ("\nimport nothing_of_that_name\n", 2, "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("\n\ndef fail():\n    raise ValueError('oops')\n\nfail()\n", 4, "ValueError: oops"),
        ("import sys\nsys.exit(3)\n", 2, "SystemExit: 3"),
        ("import json\njson.loads('x')\n", 2, "JSONDecodeError"),
        (GOOD.replace("async def", "def"), 14, "free_times is not async"),
        (GOOD.replace("@agent.tool", "@agent.tool(timeout_s=0)"), 14, "ValueError: timeout_s is 0"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, text: str, line: int | None, problem: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(ConfigError, match=problem) as caught:
        load_code(file, setting="agents.reception.code")
    assert (caught.value.file, caught.value.line) == (file, line)
    assert caught.value.hint


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"agents.reception.code: there is no such file") as caught:
        load_code(tmp_path / "none.py", setting="agents.reception.code")
    assert caught.value.hint


def test_two_tools_of_one_name_are_refused(tmp_path: Path) -> None:
    twice = GOOD + '\n\n@agent.tool(name="free_times")\nasync def more_times() -> None:\n    """More."""\n'
    tools = tools_of(written(tmp_path, twice))
    with pytest.raises(ConfigError, match=r'the name "free_times" is taken: .*agent\.py:14') as caught:
        refuse_twins(tools, ())
    assert caught.value.line == 20


def test_so_is_one_of_a_tool_that_the_settings_name(tmp_path: Path) -> None:
    tools = tools_of(written(tmp_path, GOOD))
    refuse_twins(tools, ("end_call",))
    with pytest.raises(ConfigError, match='the name "free_times" is taken: in the agent'):
        refuse_twins(tools, ("end_call", "free_times"))


LIFESPAN = """
from collections.abc import AsyncIterator

from offhook import Agent
from offhook.config import Settings

agent = Agent()


@agent.lifespan
async def pool(settings: Settings) -> AsyncIterator[str]:
    raise OSError("no such host")
    yield ""
"""


async def test_a_lifespan_that_cannot_begin_is_told_with_its_line(tmp_path: Path) -> None:
    file = written(tmp_path, LIFESPAN)
    [agent] = load_code(file)
    with pytest.raises(ConfigError, match="its lifespan failed: OSError: no such host") as caught:
        async with running(agent, Settings(), file, setting="agents.reception.code"):
            pass
    assert (caught.value.file, caught.value.line) == (file, 12)


async def test_an_error_of_the_user_s_own_stays_as_it_is(tmp_path: Path) -> None:
    text = LIFESPAN.replace('raise OSError("no such host")', 'raise ConfigError("the pool is empty")')
    file = written(
        tmp_path, text.replace("from offhook import", "from offhook.errors import ConfigError\nfrom offhook import")
    )
    [agent] = load_code(file)
    with pytest.raises(ConfigError, match="the pool is empty"):
        async with running(agent, Settings(), file):
            pass


async def test_an_error_inside_is_not_the_lifespan_s(tmp_path: Path) -> None:
    file = written(tmp_path, LIFESPAN.replace('raise OSError("no such host")', "pass"))
    [agent] = load_code(file)
    with pytest.raises(KeyError, match="inside"):
        async with running(agent, Settings(), file):
            raise KeyError("inside")
