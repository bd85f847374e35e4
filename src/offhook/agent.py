"""What a user writes in Python: an agent's tools, as functions, and what they need all the time. The setting
`agents.<name>.code` names the file."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from inspect import isasyncgenfunction, isfunction
from typing import Any, Literal, TypeVar, overload

from offhook.calls.change import Change
from offhook.calls.tools.base import ToolContext, ToolRules
from offhook.calls.tools.functions import FunctionTool
from offhook.config import Settings
from offhook.errors import ToolError

__all__ = ["Agent", "Change", "ToolContext", "ToolError"]

_Function = TypeVar("_Function", bound=Callable[..., Awaitable[Any]])
_Lifespan = TypeVar(
    "_Lifespan", bound=Callable[[Settings], AsyncIterator[Any]] | Callable[[Settings], AbstractAsyncContextManager[Any]]
)


class Agent:
    """Holds tools for the agents whose `code` is the file that this is made in."""

    def __init__(self) -> None:
        self._tools: list[FunctionTool] = []
        self._lifespan: Callable[[Settings], AbstractAsyncContextManager[Any]] | None = None
        self._shared: Any = None

    @property
    def tools(self) -> tuple[FunctionTool, ...]:
        """The tools so far, in order."""
        return tuple(self._tools)

    @overload
    def tool(self, function: _Function) -> _Function: ...

    @overload
    def tool(
        self,
        *,
        name: str = "",
        timeout_s: float | None = None,
        filler: str | None = None,
        on_barge_in: Literal["cancel", "keep"] = "keep",
        after_speech: bool = False,
    ) -> Callable[[_Function], _Function]: ...

    def tool(
        self,
        function: _Function | None = None,
        *,
        name: str = "",
        timeout_s: float | None = None,
        filler: str | None = None,
        on_barge_in: Literal["cancel", "keep"] = "keep",
        after_speech: bool = False,
    ) -> _Function | Callable[[_Function], _Function]:
        """Make a tool of the async function that this stands above, with or without arguments.

        The type hints of its parameters are the schema; a parameter of type ToolContext is given the call's. Its
        docstring describes it, and its `Args:` section the parameters. It raises ToolError with words for the model.
        `name` is the function's own if not given; for the rest see `ToolRules`. The function itself stays what it is.

        Raises ConfigError with file and line where no tool can be made of it.
        """
        if on_barge_in not in ("cancel", "keep"):
            raise ValueError(f"on_barge_in is {on_barge_in!r}; it may be 'cancel' or 'keep'")
        if timeout_s is not None and not timeout_s > 0:
            raise ValueError(f"timeout_s is {timeout_s!r}; it must be above 0")
        rules = ToolRules(timeout_s, filler, on_barge_in, after_speech)

        def made(function: _Function) -> _Function:
            if not isfunction(function):
                raise TypeError(f"{function!r} is no function")
            self._tools.append(FunctionTool(function, rules, name, lambda: self._shared))
            return function

        return made if function is None else made(function)

    def lifespan(self, function: _Lifespan) -> _Lifespan:
        """Make the async generator that this stands above the agent's lifespan; an async context manager will do.

        It is given the settings. Up to its `yield` it runs before the server answers, from there on when the last call
        is over. What it yields is `context.shared` in all tools of this agent. Raises TypeError, and ValueError for a
        second one."""
        if self._lifespan is not None:
            raise ValueError("an agent has one lifespan; there is another one")
        plain: Any = function
        if isasyncgenfunction(plain):
            self._lifespan = asynccontextmanager(plain)
        elif isasyncgenfunction(getattr(plain, "__wrapped__", None)):
            self._lifespan = plain
        else:
            raise TypeError(f"{function!r} is no async generator: write `async def` and one `yield`")
        return function

    @asynccontextmanager
    async def running(self, settings: Settings) -> AsyncIterator[None]:
        """The lifespan, if there is one: open inside."""
        if self._lifespan is None:
            yield
            return
        async with self._lifespan(settings) as shared:
            self._shared = shared
            try:
                yield
            finally:
                self._shared = None
