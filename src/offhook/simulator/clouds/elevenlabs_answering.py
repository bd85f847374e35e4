"""The answers of an agent at the double of ElevenLabs: one at a time, interrupted with a word on what was heard."""

import asyncio
import itertools
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any

import orjson

from offhook.simulator.clouds.elevenlabs_agent import Closing, VendorAgent, audio_format
from offhook.simulator.clouds.gemini_talk import Talk
from offhook.simulator.clouds.minds import Mind
from offhook.simulator.clouds.openai_chat import ChatReply, ScriptedCall
from offhook.simulator.clouds.serving import Refuse
from offhook.simulator.clouds.spoken import spoken

__all__ = ["Answering"]

_PIECE_MS = 100
_NO_QUOTA = "This request exceeds your quota limit."
Emit = Callable[[Mapping[str, Any]], Awaitable[None]]


class Answering:
    """Answers `talk` by `emit`; `fail` is told what ends the conversation. The agent is taken to speak until its sound
    may have been heard, `playback` times as long as that lasts."""

    def __init__(
        self,
        mind: Mind,
        agent: VendorAgent,
        talk: Talk,
        emit: Emit,
        fail: Callable[[Closing], None],
        *,
        playback: float,
    ) -> None:
        self.pending: set[str] = set()
        """Tools whose results are waited for."""
        self._mind = mind
        self._agent = agent
        self._format = audio_format(agent.speaks)
        self._talk = talk
        self._emit = emit
        self._fail = fail
        self._playback = playback
        self._ids = itertools.count(1)
        self._last_id = 0
        self._calls = itertools.count(1)
        self._text = ""
        self._spoken_ms = 0.0
        self._since_s = 0.0
        self._task: asyncio.Task[None] | None = None

    def next_id(self) -> int:
        """The number of the next event."""
        self._last_id = next(self._ids)
        return self._last_id

    async def begin(self, text: str = "") -> None:
        """Say `text`, or answer, in place of whatever is being said."""
        await self.interrupt()
        self._task = asyncio.create_task(self._run(ChatReply(text) if text else None))

    async def interrupt(self) -> None:
        """The agent falls silent."""
        task, self._task = self._task, None
        if task is None or task.done():
            return
        task.cancel()
        await asyncio.wait([task])
        if not self._text:
            return
        await self._emit({"type": "interruption", "interruption_event": {"event_id": self._last_id}})
        whole, heard = self._text, self._heard()
        self._talk.say("assistant", heard)
        correction = {"original_agent_response": whole, "corrected_agent_response": heard, "event_id": self._last_id}
        await self._emit({"type": "agent_response_correction", "agent_response_correction_event": correction})
        self._text = ""

    async def respond(self, call_id: str, result: str) -> None:
        """The result of a tool. Raises Closing."""
        if call_id not in self.pending:
            raise Closing(f"No tool call {call_id} is waited for", "value_error")
        self.pending.discard(call_id)
        try:
            self._talk.result(call_id, orjson.loads(result))
        except orjson.JSONDecodeError:
            self._talk.result(call_id, result)
        if not self.pending:
            before = self._task
            self._task = asyncio.create_task(self._run(None, before))

    async def close(self) -> None:
        """Stop at once."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self, reply: ChatReply | None, before: asyncio.Task[None] | None = None) -> None:
        if before:
            await asyncio.wait([before])
        reply = reply or self._think()
        if isinstance(reply.fault, Refuse):
            self._fail(Closing(reply.fault.message, "http_exception"))
            return
        if text := reply.text.strip():
            await self._say(text)
            await self._end(waits=not reply.tool_calls)
        for call in reply.tool_calls:
            await self._call(call)

    def _think(self) -> ChatReply:
        if self._mind.answers_left <= 0:
            return ChatReply(fault=Refuse(429, _NO_QUOTA))
        self._mind.answers_left -= 1
        return self._talk.reply(self._mind.brain, self._agent)

    async def _say(self, text: str) -> None:
        self._text, self._spoken_ms = text, 0.0
        self._since_s = asyncio.get_running_loop().time()
        event = {"agent_response": f" {text}", "event_id": self.next_id()}
        await self._emit({"type": "agent_response", "agent_response_event": event})
        size = self._format.bytes_in(_PIECE_MS)
        async with aclosing(spoken(self._mind.voice, text, self._format)) as pieces:
            async for _, audio in pieces:
                for at in range(0, len(audio), size):
                    await self._sound(audio[at : at + size])

    async def _end(self, *, waits: bool) -> None:
        event = {"event_id": self._last_id}
        await self._emit({"type": "agent_response_complete", "agent_response_complete_event": event})
        if waits:
            await asyncio.sleep(self._spoken_ms / 1000 * self._playback)
        self._talk.say("assistant", self._text)
        self._text = ""

    async def _sound(self, audio: bytes) -> None:
        event = {"audio_base_64": b64encode(audio).decode(), "event_id": self.next_id()}
        await self._emit({"type": "audio", "audio_event": event})
        ms = self._format.ms_in(len(audio))
        self._spoken_ms += ms
        await asyncio.sleep(ms / 1000 / self._mind.haste)

    async def _call(self, call: ScriptedCall) -> None:
        call_id = call.id or f"tool_{next(self._calls)}"
        self.pending.add(call_id)
        self._talk.call(call_id, call)
        made = {
            "tool_name": call.name,
            "tool_call_id": call_id,
            "parameters": dict(call.arguments),
            "event_id": self.next_id(),
        }
        await self._emit({"type": "client_tool_call", "client_tool_call": made})

    def _heard(self) -> str:
        """What may have been heard of what is being said, in whole words."""
        passed_ms = (asyncio.get_running_loop().time() - self._since_s) * 1000
        if not self._spoken_ms:
            return ""
        upto = int(len(self._text) * min(1.0, passed_ms / self._spoken_ms))
        return self._text if upto == len(self._text) else self._text[:upto].rpartition(" ")[0]
