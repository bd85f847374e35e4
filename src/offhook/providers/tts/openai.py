"""Speech from OpenAI's /v1/audio/speech, and from any server that speaks it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

import aiohttp

from offhook.audio.formats import PCM_24K, AudioFormat, Encoding
from offhook.audio.trimming import SilenceTrimmer
from offhook.config import TtsSettings
from offhook.errors import ProviderError
from offhook.providers.http import ApiKey, ApiServer
from offhook.providers.tts.base import SpeechChunk
from offhook.providers.tts.timing import EstimatedWords, Pace, has_sound

__all__ = ["OpenAiSynthesizer"]

_BASE_URL = "https://api.openai.com/v1"
_MODEL = "gpt-4o-mini-tts"
_VOICE = "marin"
_TIMEOUT_S = 10.0
# These models refuse instructions.
_WITHOUT_INSTRUCTIONS = ("tts-1", "tts-1-hd")


class OpenAiSynthesizer:
    """Asks for pcm16, the only raw audio there is, and passes it on as it comes: at 24 kHz, unless `settings` know
    that the server speaks at another rate.

    The server does not say when words sound: their times are estimates (see `EstimatedWords`).
    """

    def __init__(self, settings: TtsSettings, *, timeout_s: float = _TIMEOUT_S) -> None:
        self.model = settings.model or _MODEL
        self.name = f"speech:{self.model}"
        self._voice = settings.voice or _VOICE
        self._instructions = settings.instructions if self.model not in _WITHOUT_INSTRUCTIONS else ""
        secret = settings.api_key.get_secret_value() if settings.api_key else ""
        key = ApiKey(secret, env=settings.api_key_env or "OPENAI_API_KEY")
        self._server = ApiServer(self.name, settings.base_url or _BASE_URL, key, timeout_s=timeout_s)
        self._format = AudioFormat(Encoding.PCM16, settings.sample_rate)
        self._pace = Pace()

    async def synthesize(
        self,
        text: str,
        *,
        format: AudioFormat = PCM_24K,  # noqa: A002
        speed: float = 1.0,
    ) -> AsyncGenerator[SpeechChunk]:
        """Yield `text` as it arrives, whatever the `format`; `speed` is held to 0.25..4. Raises ProviderError."""
        if not has_sound(text):
            return
        speed = min(4.0, max(0.25, speed))
        words, trimmer = EstimatedWords(text, self._pace, speed=speed), SilenceTrimmer(self._format.rate)
        said = 0
        async with aclosing(self._samples(text, speed)) as samples:
            async for pcm in samples:
                if audio := trimmer.feed(pcm):
                    said += len(audio)
                    yield SpeechChunk(audio, self._format, words.arrived(self._format.ms_in(said)))
        if said:
            audio = trimmer.end()
            yield SpeechChunk(audio, self._format, words.ended(self._format.ms_in(said + len(audio))))

    async def warm_up(self) -> None:
        """Open a connection, or see that one is open."""
        with suppress(ProviderError):
            await self._server.get("/models")

    async def check(self) -> None:
        """Ask for the models. A server that has no such list is there all the same."""
        refusal = await self._server.get("/models")
        # A key may be good for speech and for nothing else (403), and some servers list no models (404, 405).
        if refusal is not None and refusal.status not in (403, 404, 405):
            raise self._server.refused(refusal)

    async def close(self) -> None:
        """Close the connections. The object may be used again afterwards."""
        await self._server.close()

    async def _samples(self, text: str, speed: float) -> AsyncGenerator[bytes]:
        """Whole samples, however the chunks are cut."""
        async with self._server.post("/audio/speech", self._body(text, speed), accept="audio/*") as response:
            await self._check(response)
            pcm = b""
            while received := await self._server.in_time(response.content.readany()):
                pcm += received
                whole = len(pcm) - len(pcm) % self._format.sample_bytes
                yield pcm[:whole]
                pcm = pcm[whole:]
            if not response.content.total_bytes:
                raise self._server.failure("no sound came")

    def _body(self, text: str, speed: float) -> dict[str, Any]:
        body = {"model": self.model, "voice": self._voice, "input": text, "response_format": "pcm"}
        options = {"instructions": self._instructions or None, "speed": speed if speed != 1.0 else None}
        return body | {name: value for name, value in options.items() if value is not None}

    async def _check(self, response: aiohttp.ClientResponse) -> None:
        if response.status != 200 or response.content_type == "application/json":
            raise self._server.refused(await self._server.refusal(response))
