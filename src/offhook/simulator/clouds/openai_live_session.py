"""One session of the double of OpenAI's Live API: it speaks while it hears, and by that clock."""

import asyncio
import binascii
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from offhook.audio.formats import FRAME_MS
from offhook.simulator.clouds.ears import EarFactory
from offhook.simulator.clouds.gemini_talk import Talk
from offhook.simulator.clouds.lines import Framer
from offhook.simulator.clouds.minds import Mind
from offhook.simulator.clouds.openai_chat import ChatReply
from offhook.simulator.clouds.openai_live_backend import Emit, LiveWork
from offhook.simulator.clouds.openai_live_start import LiveStart, Refused, error_event, quoted
from offhook.simulator.clouds.openai_live_voice import PIECE_MS, LiveVoice
from offhook.simulator.clouds.openai_turns import TurnDetector

__all__ = ["LiveTalk"]

_PAUSE_MS = 500
_YIELDS_MS = 400
_BILLED_MS = 10_000
_MOST_TOKENS, _TOKEN = 500, 4
_NO_MONEY = "You have run out of credits."
_Handler = Callable[[Mapping[str, Any]], Awaitable[None]]


class LiveTalk:
    """Goes on from `start`. A voice over it for 0.4 s makes it fall silent; a shorter one does not."""

    def __init__(self, ears: EarFactory, mind: Mind, start: LiveStart, emit: Emit) -> None:
        self.now_ms = 0
        self.talk = Talk([{"role": role, "content": text} for role, text in start.history])
        self._start = start
        self._mind = mind
        self._emit = emit
        self._ear = ears(start.format, "en")
        self._framer = Framer(start.format)
        self._turns = TurnDetector({"type": "server_vad", "silence_duration_ms": _PAUSE_MS, "prefix_padding_ms": 0})
        self._voice = LiveVoice(mind.voice, start.format, lambda words: self.talk.say("assistant", words))
        self._work = LiveWork(start, self.talk, emit, think=self._think, say=self._voice.say, clock=lambda: self.now_ms)
        self._muted = False
        self._voiced_ms = 0
        self._hearing: set[asyncio.Task[None]] = set()
        self._lock = asyncio.Lock()
        self._handlers: dict[str, _Handler] = {
            "session.input_audio.append": self._hear,
            "session.input_audio.mute": self._mute,
            "session.input_audio.unmute": self._mute,
            "session.commentary.append": self._comment,
            "session.instructions.append": self._instruct,
            "session.thinking.append": self._instruct,
            "session.update": self._update,
            "response.item.create": self._work.item,
            "response.create": self._work.create,
        }

    async def handle(self, event: Mapping[str, Any]) -> None:
        """An event of the client. Raises Refused."""
        kind = str(event.get("type"))
        if kind not in self._handlers:
            raise Refused("invalid_value", f"Invalid value: '{kind}'.", "type")
        await self._handlers[kind](event)

    def usage(self) -> dict[str, float]:
        """What it cost so far."""
        return {"seconds": self.now_ms / 1000}

    async def close(self) -> None:
        """Stop whatever is under way."""
        for task in self._hearing:
            task.cancel()
        if self._hearing:
            await asyncio.wait(self._hearing)
        await self._voice.hush()

    async def _hear(self, event: Mapping[str, Any]) -> None:
        try:
            audio = b64decode(str(event.get("audio") or ""), validate=True)
        except binascii.Error:
            raise Refused("invalid_value", "Invalid audio.", "audio") from None
        for frame in self._framer.cut(audio):
            self.now_ms += FRAME_MS
            await self._listen(self._start.format.silence if self._muted else frame)
            if self.now_ms % PIECE_MS == 0:
                await self._speak()
            if self.now_ms % _BILLED_MS == 0:
                ratio = {"usage_ratio": 0.1}
                await self._emit({"type": "session.usage.updated", "usage": self.usage(), "context_window": ratio})

    async def _listen(self, frame: bytes) -> None:
        self._ear.hear(frame)
        self._voiced_ms = self._voiced_ms + FRAME_MS if self._ear.voiced else 0
        if self._voiced_ms == _YIELDS_MS:
            await self._voice.hush()
        if self._turns.hear(self._ear.voiced) == "stopped":
            self._turns.stop()
            task = asyncio.create_task(self._understand(self._turns.start_ms, self._turns.now_ms))
            self._hearing.add(task)
            task.add_done_callback(self._hearing.discard)

    async def _speak(self) -> None:
        audio, words = self._voice.next()
        await self._emit({"type": "session.output_audio.delta", "delta": b64encode(audio).decode()})
        if words:
            times = {"start_ms": self.now_ms - PIECE_MS, "end_ms": self.now_ms}
            await self._emit({"type": "session.output_transcript.delta", "delta": words, **times})

    async def _understand(self, start_ms: int, end_ms: int) -> None:
        """The caller paused: find the words, and answer them unless they were said into the agent's and not minded."""
        async with self._lock:
            words = await self._ear.words(start_ms, end_ms, final=True)
            for word in words:
                times = {"start_ms": round(word.start_ms), "end_ms": round(word.end_ms)}
                await self._emit({"type": "session.input_transcript.delta", "delta": f" {word.text}", **times})
            if not words or self._voice.speaking:
                return
            self.talk.say("user", " ".join(word.text for word in words))
            try:
                await self._work.answer()
            except Refused as refused:
                await self._emit(error_event(refused, {}))

    async def _mute(self, event: Mapping[str, Any]) -> None:
        self._muted = event["type"].endswith(".mute")
        await self._emit({"type": f"{event['type']}d", **quoted(event)})

    async def _comment(self, event: Mapping[str, Any]) -> None:
        self.talk.say("system", await self._appended(event))
        await self._work.answer(directed=True)

    async def _instruct(self, event: Mapping[str, Any]) -> None:
        self._start.instructions += f"\n\n{await self._appended(event)}"

    async def _appended(self, event: Mapping[str, Any]) -> str:
        content = event.get("content")
        if "delegation_id" not in event or not isinstance(content, str):
            raise Refused("missing_required_parameter", "Missing required parameter.", "delegation_id")
        if event["delegation_id"] is not None and self._start.delegates != "client":
            raise Refused("invalid_value", "Only client delegations have an id here.", "delegation_id")
        if len(content) > _MOST_TOKENS * _TOKEN:
            raise Refused("invalid_value", "Context append text must not exceed 500 tokens.", "content")
        times = {"start_ms": self.now_ms, "end_ms": self.now_ms}
        await self._emit({"type": f"{event['type']}ed", **times, **quoted(event)})
        return content

    async def _update(self, event: Mapping[str, Any]) -> None:
        self._start.update(event.get("session"))
        await self._emit({"type": "session.updated", **quoted(event)})

    def _think(self) -> ChatReply:
        if self._mind.answers_left <= 0:
            raise Refused("credit_balance_exhausted", _NO_MONEY)
        self._mind.answers_left -= 1
        return self.talk.reply(self._mind.brain, self._start)
