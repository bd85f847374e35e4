"""Loads a Python file with tools of a user's own, and opens what they need all the time."""

import sys
import traceback
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

from offhook.agent import Agent
from offhook.calls.tools.functions import FunctionTool
from offhook.config import Settings
from offhook.errors import ConfigError

__all__ = ["load_code", "refuse_twins", "running"]

_EXAMPLE = "write `agent = Agent()` at its top level, and `@agent.tool` above an async function"


def load_code(path: Path, *, setting: str = "") -> tuple[Agent, ...]:
    """Run the file at `path`, which may import what lies beside it, and take its agents.

    Raises ConfigError with file and line for one that cannot be run or holds no agent."""
    if not path.is_file():
        raise ConfigError(
            "there is no such file", setting=setting, file=path, hint="its path is relative to the settings"
        )
    module = _run(path, setting)
    agents = {id(each): each for each in vars(module).values() if isinstance(each, Agent)}
    if not agents:
        raise ConfigError("holds no Agent", setting=setting, file=path, hint=_EXAMPLE)
    return tuple(agents.values())


@asynccontextmanager
async def running(agent: Agent, settings: Settings, path: Path, *, setting: str = "") -> AsyncIterator[None]:
    """The lifespan of an agent that came from the file at `path`. Raises ConfigError where it cannot begin."""
    begun = False
    try:
        async with agent.running(settings):
            begun = True
            yield
    except ConfigError:
        raise
    except Exception as error:  # whatever a user's code may raise
        if begun:
            raise
        problem = f"its lifespan failed: {type(error).__name__}: {error}"
        raise ConfigError(problem, setting=setting, file=path, line=_line(error, path)) from error


def refuse_twins(tools: Iterable[FunctionTool], taken: Iterable[str]) -> None:
    """Raise ConfigError for a tool whose name another one of the same agent has; `taken` are those that its settings
    name."""
    names = dict.fromkeys(taken, "in the agent's `tools`")
    for tool in tools:
        name = tool.spec.name
        if name in names:
            hint = "give it another one with `@agent.tool(name=...)`, or take the other one away"
            raise ConfigError(f'the name "{name}" is taken: {names[name]}', file=tool.file, line=tool.line, hint=hint)
        names[name] = f"{tool.file}:{tool.line}"


def _run(path: Path, setting: str) -> ModuleType:
    name = f"offhook_code_{path.stem}_{abs(hash(path)):x}"
    module = ModuleType(name)
    module.__file__ = str(path)
    # Dataclasses and postponed type hints look their module up.
    sys.modules[name] = module
    if (folder := str(path.parent)) not in sys.path:
        sys.path.append(folder)
    try:
        SourceFileLoader(name, str(path)).exec_module(module)
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:
        problem = f"{type(error).__name__}: {error}"
        hint = f"`{Path(sys.executable).name} {path.name}` must run without an error"
        raise ConfigError(problem, setting=setting, file=path, line=_line(error, path), hint=hint) from error
    return module


def _line(error: BaseException, path: Path) -> int | None:
    """The line of the file at which things went wrong."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return lines[-1] if lines else None
