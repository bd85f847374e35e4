"""A hand on a call that notes what it is asked to do."""

from dataclasses import dataclass, field
from typing import Any

from offhook.calls.consultation import Wish
from offhook.calls.tools.base import CallHand, Sign
from offhook.errors import CallError

__all__ = ["PaperHand"]


@dataclass
class PaperHand:
    """`sign` is what ends every wait; `fails` is raised by whatever may fail."""

    sign: Sign = "time"
    fails: CallError | None = None
    consults: bool = True
    done: list[Any] = field(default_factory=list)

    async def consult(self, wish: Wish) -> None:
        self._note("consult", wish)

    async def hold_for(self, seconds: float) -> Sign:
        self._note("hold_for", seconds)
        return self.sign

    async def wait_for(self, seconds: float) -> Sign:
        self._note("wait_for", seconds)
        return self.sign

    async def press(self, digits: str) -> None:
        self._note("press", digits)

    def conclude(self, disposition: str, summary: str) -> None:
        self._note("conclude", (disposition, summary))

    def _note(self, deed: str, what: object) -> None:
        self.done.append((deed, what))
        if self.fails is not None:
            raise self.fails


def _as_tools_see_it(hand: PaperHand) -> CallHand:
    return hand
