"""What a user writes in Python: an agent's tools, as functions. The setting `agents.<name>.code` names the file."""

from collections.abc import Awaitable, Callable
from inspect import isfunction
from typing import Any, Literal, TypeVar, overload

from offhook.calls.tools.base import ToolContext, ToolRules
from offhook.calls.tools.functions import FunctionTool
from offhook.errors import ToolError

__all__ = ["Agent", "ToolContext", "ToolError"]

_Function = TypeVar("_Function", bound=Callable[..., Awaitable[Any]])


class Agent:
    """Holds tools for the agents whose `code` is the file that this is made in."""

    def __init__(self) -> None:
        self._tools: list[FunctionTool] = []

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
            self._tools.append(FunctionTool(function, rules, name))
            return function

        return made if function is None else made(function)
