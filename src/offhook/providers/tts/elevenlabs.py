"""Voices of ElevenLabs, over shared WebSockets or a request a clause, in the very format of the leg."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

import aiohttp

from offhook.audio.formats import AudioFormat
from offhook.config import TtsSettings
from offhook.errors import ProviderError
from offhook.providers.http import ApiKey, ApiServer
from offhook.providers.tts.base import SpeechChunk
from offhook.providers.tts.elevenlabs_socket import SocketPool
from offhook.providers.tts.elevenlabs_wire import (
    AlignedWords,
    JsonLines,
    Output,
    Trouble,
    Voice,
    format_name,
    http_output,
    nearest_format,
)
from offhook.providers.tts.timing import has_sound

__all__ = ["ElevenLabsSynthesizer"]

_BASE_URL = "https://api.elevenlabs.io"
_MODEL = "eleven_flash_v2_5"
# One of the voices that every account has.
_VOICE = "hpp4J3VqNfWAUOO0d1Us"
_TIMEOUT_S = 10.0
_INACTIVITY_S = 180
_KEEPALIVE_S = 60.0
_SPEECH = "/v1/text-to-speech"


class ElevenLabsSynthesizer:
    """One voice. `settings.transport` says how it is asked; either way the server tells when each character sounds."""

    def __init__(
        self,
        settings: TtsSettings,
        *,
        language: str = "",
        timeout_s: float = _TIMEOUT_S,
        keepalive_s: float = _KEEPALIVE_S,
    ) -> None:
        self.model, voice = settings.model or _MODEL, settings.voice or _VOICE
        self.name = f"elevenlabs:{self.model}"
        self._voice = Voice(voice, self.model, language, settings.stability, settings.similarity_boost)
        secret = settings.api_key.get_secret_value() if settings.api_key else ""
        key = ApiKey(secret, "xi-api-key", "", settings.api_key_env or "ELEVENLABS_API_KEY")
        base_url = (settings.base_url or _BASE_URL).rstrip("/").removesuffix("/v1")
        self._server = ApiServer(self.name, base_url, key, timeout_s=timeout_s)
        path = f"{_SPEECH}/{voice}/multi-stream-input"
        self._sockets = SocketPool(self._server, path, self._query, keepalive_s=keepalive_s)
        self._over_http = settings.transport == "http"

    async def synthesize(
        self,
        text: str,
        *,
        format: AudioFormat,  # noqa: A002
        speed: float = 1.0,
    ) -> AsyncGenerator[SpeechChunk]:
        """Yield `text` as it arrives: in `format` if it is G.711 or pcm16 at 8, 16 or 24 kHz, else at 24 kHz.

        `speed` is held to 0.7..1.2. Raises ProviderError.
        """
        if not has_sound(text):
            return
        spoken = nearest_format(format)
        ask = self._requested if self._over_http else self._on_socket
        words, size, rest = AlignedWords(text), 0, b""
        async with aclosing(ask(text, spoken, speed)) as outputs:
            async for output in outputs:
                told = words.arrived(output.alignment, 0.0 if self._over_http else spoken.ms_in(size))
                audio = rest + output.audio
                whole = len(audio) - len(audio) % spoken.sample_bytes
                audio, rest = audio[:whole], audio[whole:]
                size += whole
                if audio or told:
                    yield SpeechChunk(audio, spoken, told)
        if not size:
            raise self._server.failure("no sound came")
        if left := words.ended(spoken.ms_in(size)):
            yield SpeechChunk(b"", spoken, left)

    async def warm_up(self) -> None:
        """Open the sockets that a call will need, or see that they are open."""
        if self._over_http:
            with suppress(ProviderError):
                await self.check()
        self._sockets.warm_up()

    async def check(self) -> None:
        """Ask for the voice. A key that may not look at voices may still speak with one."""
        refusal = await self._server.get(f"/v1/voices/{self._voice.id}")
        if refusal is not None and refusal.code != "missing_permissions":
            raise self._server.refused(refusal)

    async def close(self) -> None:
        """Close the connections. The object may be used again afterwards."""
        await self._sockets.close()
        await self._server.close()

    def _query(self, audio_format: AudioFormat) -> dict[str, str]:
        waits = {"inactivity_timeout": str(_INACTIVITY_S), "auto_mode": "true", "sync_alignment": "true"}
        return {**self._voice.options(), "output_format": format_name(audio_format), **waits}

    async def _on_socket(self, text: str, audio_format: AudioFormat, speed: float) -> AsyncGenerator[Output]:
        settings = self._voice.settings(speed)
        while True:
            socket = self._sockets.roomy(audio_format)
            kept, heard = socket.used, False
            try:
                async with aclosing(socket.speak(text, settings)) as outputs:
                    async for output in outputs:
                        heard = True
                        yield output
            except ProviderError:
                # A kept socket may have been closed by the server meanwhile; a new one is no worse than the first.
                if heard or not (kept and socket.lost):
                    raise
            else:
                return

    async def _requested(self, text: str, audio_format: AudioFormat, speed: float) -> AsyncGenerator[Output]:
        body = {"text": text, **self._voice.options(), **self._voice.settings(speed)}
        path = f"{_SPEECH}/{self._voice.id}/stream/with-timestamps"
        query = {"output_format": format_name(audio_format)}
        async with self._server.post(path, body, accept="application/json", params=query) as response:
            if response.status != 200:
                raise self._server.refused(await self._server.refusal(response))
            async with aclosing(self._lines(response)) as lines:
                async for line in lines:
                    yield self._output(line)

    async def _lines(self, response: aiohttp.ClientResponse) -> AsyncGenerator[bytes]:
        lines = JsonLines()
        while received := await self._server.in_time(response.content.readany()):
            for line in lines.feed(received):
                yield line
        for line in lines.end():
            yield line

    def _output(self, line: bytes) -> Output:
        output = http_output(line)
        if isinstance(output, Trouble):
            raise self._server.failure(output.message, retryable=output.retryable)
        return output
