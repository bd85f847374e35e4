"""One connection to the double of Gemini's Live API: it hears, thinks with a brain, and speaks with a voice."""

import asyncio
import binascii
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any

from offhook.audio.formats import PCM_16K
from offhook.simulator.clouds.ears import Ear, EarFactory
from offhook.simulator.clouds.gemini_answering import Answering, Emit
from offhook.simulator.clouds.gemini_setup import Closing, Setup
from offhook.simulator.clouds.gemini_talk import Talk
from offhook.simulator.clouds.lines import Framer
from offhook.simulator.clouds.minds import Mind
from offhook.simulator.clouds.openai_turns import TurnDetector

__all__ = ["LiveSession"]


class LiveSession:
    """Goes on with `talk`. `keep` is told when there is a state to resume, and gives it a name."""

    def __init__(
        self,
        ears: EarFactory,
        mind: Mind,
        setup: Setup,
        talk: Talk,
        emit: Emit,
        *,
        fail: Callable[[Closing], None],
        keep: Callable[[], str],
        playback: float,
    ) -> None:
        self.setup = setup
        self.talk = talk
        self._emit = emit
        self._keep = keep
        self._ears = ears
        self._ear: Ear | None = None
        self._framer = Framer(PCM_16K)
        self._turns = TurnDetector(setup.turns)
        self._since_ms = 0
        self._history = setup.history_first
        self._answering = Answering(mind, setup, talk, self._tell, fail, playback=playback)
        self._hearing: set[asyncio.Task[None]] = set()
        self._lock = asyncio.Lock()

    async def handle(self, message: Mapping[str, Any]) -> None:
        """A message of the client. Raises Closing."""
        if len(message) != 1:
            raise Closing("Request contains an invalid argument.")
        [(kind, value)] = message.items()
        match kind, value:
            case "clientContent", dict():
                await self._content(value)
            case "realtimeInput", dict():
                await self._realtime(value)
            case "toolResponse", dict():
                await self._answering.respond(value.get("functionResponses"))
            case "contextUpdate", dict() if self.setup.modern:
                return
            case _:
                raise Closing(f'Invalid JSON payload received. Unknown name "{kind}": Cannot find field.')

    async def close(self) -> None:
        """Stop whatever is under way."""
        for task in self._hearing:
            task.cancel()
        if self._hearing:
            await asyncio.wait(self._hearing)
        await self._answering.close()

    async def _content(self, content: Mapping[str, Any]) -> None:
        if not (self._history or self.setup.modern):
            raise Closing("Request contains an invalid argument.")
        self.talk.append(content.get("turns"))
        if content.get("turnComplete", False):
            if not self._history:
                await self._answering.begin()
            self._history = False

    async def _realtime(self, given: Mapping[str, Any]) -> None:
        if self._history:
            raise Closing("Request contains an invalid argument.")
        if "audio" in given:
            await self._hear(given["audio"])
        elif "text" in given:
            self.talk.say("user", str(given["text"]))
            await self._answering.begin()
        elif ("activityStart" in given or "activityEnd" in given) and self._turns.settings is None:
            await self._activity(starts="activityStart" in given)
        elif "audioStreamEnd" not in given or self._turns.settings is None:
            raise Closing("Request contains an invalid argument.")

    async def _hear(self, blob: Mapping[str, Any]) -> None:
        if blob.get("mimeType") != "audio/pcm;rate=16000":
            raise Closing("Request contains an invalid argument.")
        try:
            audio = b64decode(str(blob.get("data") or ""), validate=True)
        except binascii.Error:
            raise Closing("Request contains an invalid argument.") from None
        if self._ear is None:
            self._ear = self._ears(PCM_16K, self.setup.language)
        for frame in self._framer.cut(audio):
            self._ear.hear(frame)
            happened = self._turns.hear(self._ear.voiced)
            if happened == "started":
                self._since_ms = self._turns.start_ms
                await self._voice()
            elif happened == "stopped":
                self._turns.stop()
                self._over()

    async def _activity(self, *, starts: bool) -> None:
        if starts:
            self._since_ms = self._turns.now_ms
            await self._voice()
        else:
            self._over()

    async def _voice(self) -> None:
        if self.setup.interrupts:
            await self._answering.interrupt()

    def _over(self) -> None:
        """The caller's turn is over: find its words, and answer them."""
        task = asyncio.create_task(self._understand(self._since_ms, self._turns.now_ms))
        self._hearing.add(task)
        task.add_done_callback(self._hearing.discard)

    async def _understand(self, start_ms: int, end_ms: int) -> None:
        async with self._lock:
            words = await self._ear.words(start_ms, end_ms, final=True) if self._ear else []
            if not words:
                # It was no speech: the model sees no need for an answer.
                await self._emit({"serverContent": {"turnComplete": True}})
                return
            if self.setup.writes:
                for word in words:
                    await self._emit({"serverContent": {"inputTranscription": {"text": f" {word.text}"}}})
            self.talk.say("user", " ".join(word.text for word in words))
            await self._answering.begin()

    async def _tell(self, message: Mapping[str, Any]) -> None:
        if not message:
            return
        await self._emit(message)
        complete = message.get("serverContent", {}).get("turnComplete")
        if complete and self.setup.resumes and not self._answering.pending:
            await self._emit({"sessionResumptionUpdate": {"newHandle": self._keep(), "resumable": True}})
