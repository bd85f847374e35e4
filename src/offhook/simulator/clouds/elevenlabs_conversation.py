"""One conversation with an agent at the double of ElevenLabs: it hears, thinks with a brain, speaks with a voice."""

import asyncio
import binascii
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from offhook.simulator.clouds.ears import EarFactory
from offhook.simulator.clouds.elevenlabs_agent import Closing, VendorAgent, audio_format
from offhook.simulator.clouds.elevenlabs_answering import Answering
from offhook.simulator.clouds.gemini_talk import Talk
from offhook.simulator.clouds.lines import Framer
from offhook.simulator.clouds.minds import Mind
from offhook.simulator.clouds.openai_turns import TurnDetector

__all__ = ["Conversation"]

_SPEAKERS = {"Caller": "user", "You": "assistant"}
_RESULT = {"type": str, "tool_call_id": str, "result": str, "is_error": bool}


class Conversation:
    """Talks as `agent` is configured. `fail` is told what ends it. The ids of pings that were answered are `pongs`."""

    def __init__(
        self,
        ears: EarFactory,
        mind: Mind,
        agent: VendorAgent,
        send: Callable[[Mapping[str, Any]], Awaitable[None]],
        *,
        fail: Callable[[Closing], None],
        playback: float,
        ping_s: float,
    ) -> None:
        self.agent = agent
        self.talk = Talk()
        self.pongs: list[int] = []
        self._send = send
        hears = audio_format(agent.hears)
        self._ear = ears(hears, agent.language)
        self._framer = Framer(hears)
        self._turns = TurnDetector({"type": "server_vad"})
        self._answering = Answering(mind, agent, self.talk, self._emit, fail, playback=playback)
        self._ping_s = ping_s
        self._pings = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._lock = asyncio.Lock()

    async def begin(self, conversation_id: str) -> None:
        """Tell what was agreed, and say the first message."""
        metadata = {
            "conversation_id": conversation_id,
            "agent_output_audio_format": self.agent.speaks,
            "user_input_audio_format": self.agent.hears,
        }
        kind = "conversation_initiation_metadata"
        await self._send({"type": kind, f"{kind}_event": metadata})
        self._spawn(self._ping())
        if self.agent.first_message:
            await self._answering.begin(self.agent.first_message)

    async def handle(self, message: Mapping[str, Any]) -> None:
        """A message of the client. Raises Closing."""
        match message:
            case {"user_audio_chunk": str(audio)}:
                await self._hear(audio)
            case {"type": "pong", "event_id": int(event_id)}:
                self.pongs.append(event_id)
            case {"type": "user_message", "text": str(text)}:
                self.talk.say("user", text)
                await self._answering.begin()
            case {"type": "contextual_update", "text": str(text)}:
                self._learn(text)
            case {"type": "client_tool_result"}:
                await self._result(message)
            case {"type": "user_activity"} | {"type": "feedback"}:
                return
            case _:
                raise Closing("Invalid message received", "invalid_message")

    async def close(self) -> None:
        """Stop whatever is under way."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._answering.close()

    def _learn(self, text: str) -> None:
        """What was said before, where that is told line by line; a brain without a language model knows no more."""
        for line in text.splitlines():
            who, _, said = line.partition(": ")
            self.talk.say(_SPEAKERS.get(who, "system"), said if who in _SPEAKERS else line)

    async def _result(self, message: Mapping[str, Any]) -> None:
        if any(not isinstance(message.get(name), kind) for name, kind in _RESULT.items()):
            raise Closing("Missing required fields in message", "missing_fields")
        await self._answering.respond(message["tool_call_id"], message["result"])

    async def _hear(self, audio: str) -> None:
        try:
            sound = b64decode(audio, validate=True)
        except binascii.Error:
            raise Closing("Invalid message received", "invalid_message") from None
        for frame in self._framer.cut(sound):
            self._ear.hear(frame)
            happened = self._turns.hear(self._ear.voiced)
            if happened == "started":
                await self._answering.interrupt()
            elif happened == "stopped":
                self._turns.stop()
                self._spawn(self._understand(self._turns.start_ms, self._turns.now_ms))

    async def _understand(self, start_ms: int, end_ms: int) -> None:
        async with self._lock:
            words = await self._ear.words(start_ms, end_ms, final=True)
            if not words:
                return
            text = " ".join(word.text for word in words)
            event = {"user_transcript": text, "event_id": self._answering.next_id()}
            await self._emit({"type": "user_transcript", "user_transcription_event": event})
            self.talk.say("user", text)
            await self._answering.begin()

    async def _ping(self) -> None:
        while True:
            self._pings += 1
            event = {"event_id": self._pings, "ping_ms": None if self._pings == 1 else 40}
            await self._emit({"type": "ping", "ping_event": event})
            await asyncio.sleep(self._ping_s)

    async def _emit(self, message: Mapping[str, Any]) -> None:
        if message["type"] in self.agent.events:
            with suppress(ConnectionError):
                await self._send(message)

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
