"""An answer that is begun before the caller's turn is surely over."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from offhook.calls.endings import plain_words
from offhook.providers.llm.base import Message, Piece, TextDelta

__all__ = ["EarlyReply"]


class EarlyReply:
    """Lets the responder think aloud into a drawer: its pieces are kept until somebody wants them.

    `messages` is the conversation it answers, `now_ms` the call's clock. Whoever makes one must `cancel` it."""

    def __init__(self, messages: Sequence[Message], pieces: AsyncGenerator[Piece], now_ms: Callable[[], int]):
        self._messages = messages
        self._now_ms = now_ms
        self._kept: asyncio.Queue[Piece | Exception | None] = asyncio.Queue()
        self._task = asyncio.get_running_loop().create_task(self._keep(pieces))
        self.first_text_ms: int | None = None

    def answers(self, messages: Sequence[Message]) -> bool:
        """Whether it is an answer to `messages`, but for the punctuation of the last one."""
        if len(messages) != len(self._messages) or messages[:-1] != self._messages[:-1]:
            return False
        return plain_words(messages[-1].text) == plain_words(self._messages[-1].text)

    async def pieces(self) -> AsyncGenerator[Piece]:
        """The answer: what is kept at once, then as it comes. Raises what the responder raised."""
        while (piece := await self._kept.get()) is not None:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    def cancel(self) -> None:
        """Stop the responder. May be repeated."""
        self._task.cancel()

    async def close(self) -> None:
        """Stop the responder and wait until it has stopped."""
        self.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _keep(self, pieces: AsyncGenerator[Piece]) -> None:
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    if self.first_text_ms is None and isinstance(piece, TextDelta):
                        self.first_text_ms = self._now_ms()
                    self._kept.put_nowait(piece)
        except Exception as error:  # noqa: BLE001 - a task's top: it belongs to whoever wants the answer
            self._kept.put_nowait(error)
        else:
            self._kept.put_nowait(None)
