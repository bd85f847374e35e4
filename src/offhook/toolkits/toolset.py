"""The tools of an agent that settings describe, as they are when a call begins."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from offhook.calls.tools.base import Tool

__all__ = ["RemoteTool", "RemoteTools", "Toolset"]


class RemoteTool(Tool, Protocol):
    """A tool whose name is somebody else's choice."""

    def prefixed(self) -> Tool:
        """The same tool by a name that is its own."""
        ...


class RemoteTools(Protocol):
    """A server that has tools, now these and now others."""

    @property
    def tools(self) -> Sequence[RemoteTool]:
        """Those that it has now."""
        ...


class Toolset:
    """`fixed` tools, and those that `servers` have at the time. `taken` names are those of further tools.

    Of tools of one name, those of servers get their server's name in front."""

    def __init__(self, fixed: Sequence[Tool], servers: Sequence[RemoteTools] = (), taken: Collection[str] = ()):
        self._fixed = tuple(fixed)
        self._servers = tuple(servers)
        self._taken = frozenset(taken) | {tool.spec.name for tool in self._fixed}

    def __iter__(self) -> Iterator[Tool]:
        remote = [tool for server in self._servers for tool in server.tools]
        often = Counter(tool.spec.name for tool in remote)
        seen = set(self._taken)
        yield from self._fixed
        for each in remote:
            tool = each.prefixed() if each.spec.name in self._taken or often[each.spec.name] > 1 else each
            if tool.spec.name not in seen:
                seen.add(tool.spec.name)
                yield tool
