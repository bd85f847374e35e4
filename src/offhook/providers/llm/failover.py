"""Several responders as one: when one refuses, stalls or dies, the next one answers, or finishes the answer."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from offhook.errors import ProviderError
from offhook.providers.llm.base import CallFacts, Message, Piece, Responder, ResponderFactory, TextDelta, ToolSpec
from offhook.providers.standby import OnTrouble, OnUsed, Standby, Watched, in_time, no_trouble, not_billed

__all__ = ["FailoverFactory", "FailoverResponder", "Seam"]

_AFTER_NO_SPACE = ".,;:!?…)]}'\"\N{RIGHT SINGLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}"


class FailoverFactory:
    """Opens responders that stand in for each other."""

    def __init__(self, standby: Standby[ResponderFactory]):
        self.standby = standby
        self.name = standby.name

    @property
    def scripted(self) -> bool:
        """Whether whoever would answer now follows a script, and heeds no notes."""
        return bool(getattr(self.standby.best.provider, "scripted", False))

    def open(
        self, call: CallFacts, on_trouble: OnTrouble = no_trouble, on_used: OnUsed = not_billed
    ) -> "FailoverResponder":
        """A responder for a new call, which tells `on_trouble` of everyone who was replaced, and `on_used` of
        everyone's work."""
        return FailoverResponder(self.standby, call, on_trouble, on_used)


class FailoverResponder:
    """The brain of one call, whoever it is at the moment. A responder is opened when it is first asked."""

    def __init__(self, standby: Standby[ResponderFactory], call: CallFacts, on_trouble: OnTrouble, on_used: OnUsed):
        self._standby = standby
        self._call = call
        self._on_trouble = on_trouble
        self._on_used = on_used
        self._opened: dict[Watched[ResponderFactory], Responder] = {}

    async def respond(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> AsyncGenerator[Piece]:
        """Answer the conversation with the best responder that is well.

        If it fails before it gave any text, the next one answers instead; later, the next one gets what was said as an
        `unfinished` message of the agent and goes on from there. What fails after it called a tool is not replaced:
        the tool runs, and whoever is well then gets its result. Raises ProviderError of the last one."""
        answer = _Answer()
        failure: ProviderError | None = None
        for watched, limit_s in self._standby.asked():
            if failure is not None:
                self._on_trouble(failure)
            given = self._responder(watched).respond(answer.continued(messages), tools)
            try:
                async with aclosing(answer.pieces(in_time(given, limit_s, watched.name))) as pieces:
                    async for piece in pieces:
                        yield piece
            except ProviderError as error:
                watched.failed(error)
                failure = error
                if answer.called:
                    self._on_trouble(error)
                    return
            else:
                watched.worked()
                return
        if failure is not None:
            raise failure

    def instruct(self, instructions: str) -> None:
        """Whoever answers from now on follows these instructions."""
        self._call = replace(self._call, instructions=instructions)
        for responder in self._opened.values():
            responder.instruct(instructions)

    async def close(self) -> None:
        """Close whoever was opened."""
        for responder in self._opened.values():
            await responder.close()

    def _responder(self, watched: Watched[ResponderFactory]) -> Responder:
        if watched not in self._opened:
            self._opened[watched] = watched.provider.open(self._call, partial(self._on_used, watched))
        return self._opened[watched]


class _Answer:
    """One answer as far as it was given, by whomever."""

    def __init__(self) -> None:
        self.said = ""
        self.called = False

    def continued(self, messages: Sequence[Message]) -> Sequence[Message]:
        """The conversation for whoever goes on with this answer."""
        return [*messages, Message("agent", self.said.strip(), unfinished=True)] if self.said.strip() else messages

    async def pieces(self, given: AsyncGenerator[Piece]) -> AsyncGenerator[Piece]:
        """What of `given` is new, without the empty pieces that only show that somebody is at work."""
        seam = Seam(self.said)
        async with aclosing(given):
            async for piece in given:
                if not isinstance(piece, TextDelta):
                    self.called = True
                    yield piece
                elif text := seam.feed(piece.text):
                    self.said += text
                    yield TextDelta(text)


class Seam:
    """Joins the rest of an answer to what was `said` of it. A rest that begins all over again is cut to what is new."""

    def __init__(self, said: str):
        self._said = said
        self._held = ""
        self._joined = not said.strip()

    def feed(self, text: str) -> str:
        """What of `text` may be said now. It is held back as long as it only says again what was said."""
        if self._joined:
            return text
        self._held += text
        held, said = self._held.lstrip(), self._said.strip()
        if len(held) < len(said) and said.startswith(held):
            return ""
        self._joined = True
        return self._spaced(held[len(said) :] if held.startswith(said) else self._held)

    def _spaced(self, rest: str) -> str:
        apart = self._said[-1:].isspace() or rest[:1].isspace() or rest[:1] in _AFTER_NO_SPACE
        return rest if apart or not rest else f" {rest}"
