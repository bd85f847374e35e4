"""Agents of ElevenLabs: conversations over WebSocket with an agent that is configured there."""

from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import parse_qsl, urlsplit

from offhook.audio.formats import AudioFormat
from offhook.config import RealtimeSettings
from offhook.errors import ProviderError
from offhook.providers.http import ApiKey, ApiServer
from offhook.providers.llm.base import CallFacts, Message, ToolSpec
from offhook.providers.realtime.base import RealtimeEvents, RealtimeSession
from offhook.providers.realtime.elevenlabs_session import AgentSession, Given, Place
from offhook.providers.realtime.key_limits import KeyLimits

__all__ = ["ElevenLabsAgent"]

_ADDRESS = "https://api.elevenlabs.io"
_CONVERSATION = "/v1/convai/conversation"
_SIGNED = "/v1/convai/conversation/get-signed-url"
_AGENTS = "/v1/convai/agents"
_TIMEOUT_S = 5.0
_GAP_S = 1.0


class ElevenLabsAgent:
    """Opens conversations with one agent. `limits` are what its key has left; `gap_s` is how long no more sound comes
    until an answer counts as whole that the server has not ended.

    The agent's model, tools, turn-taking and audio formats are those it is configured with at ElevenLabs: of the table,
    what else is about those is left alone.
    """

    def __init__(self, settings: RealtimeSettings, *, limits: KeyLimits | None = None, gap_s: float = _GAP_S) -> None:
        self.model = "agents"
        self.name = f"elevenlabs:{settings.agent_id}"
        self._settings = settings
        self._limits = (limits or KeyLimits()).of(self.model)
        self._gap_s = gap_s
        secret = settings.api_key.get_secret_value() if settings.api_key else ""
        key = ApiKey(secret, "xi-api-key", "", settings.api_key_env or "ELEVENLABS_API_KEY")
        address = settings.base_url or _ADDRESS
        address = address.replace("ws", "http", 1) if address.startswith("ws") else address
        self._server = ApiServer(self.name, address.rstrip("/").removesuffix("/v1"), key, timeout_s=_TIMEOUT_S)
        self._private = bool(secret)
        self._hosts: dict[str, ApiServer] = {}

    def __repr__(self) -> str:
        return f"ElevenLabsAgent(agent={self._settings.agent_id!r}, url={self._server.url(_CONVERSATION)!r})"

    @property
    def exhausted(self) -> float:
        """Seconds for which no conversation is worth beginning."""
        return self._limits.exhausted

    def open(
        self,
        call: CallFacts,
        *,
        leg: AudioFormat,
        tools: Sequence[ToolSpec],
        history: Sequence[Message],
        events: RealtimeEvents,
    ) -> RealtimeSession:
        """Begin a conversation, once something is said or heard. Audio is resampled to what the agent wants. Of its
        tools the agent calls those that it has there by the same names."""
        given = Given(self._settings, call, call.instructions, tuple(history))
        return AgentSession(self._place, given, leg, events, self._limits, gap_s=self._gap_s)

    async def warm_up(self) -> None:
        """Open a connection for the request that comes first."""
        with suppress(ProviderError):
            await self.check()

    async def check(self) -> None:
        """Ask for an address at which the agent can be talked to. Raises ProviderError."""
        if self._private:
            await self._server.ask(_SIGNED, {"agent_id": self._settings.agent_id})
        elif refusal := await self._server.get(f"{_AGENTS}/{self._settings.agent_id}/widget"):
            raise self._server.refused(refusal)

    async def close(self) -> None:
        """Close what the sessions shared."""
        for server in (self._server, *self._hosts.values()):
            await server.close()

    async def _place(self) -> Place:
        """Where to talk to the agent: with a key, an address that is good for once. Raises ProviderError."""
        if not self._private:
            return Place(self._server, _CONVERSATION, (("agent_id", self._settings.agent_id),))
        told = await self._server.ask(_SIGNED, {"agent_id": self._settings.agent_id})
        url = urlsplit(str(told.get("signed_url")))
        if url.scheme not in ("ws", "wss") or not url.netloc:
            raise self._server.failure("gave no address for the conversation")
        origin = f"{url.scheme.replace('ws', 'http')}://{url.netloc}"
        # The signature is in the address: the key itself goes nowhere else.
        server = self._hosts.setdefault(origin, ApiServer(self.name, origin, ApiKey(""), timeout_s=_TIMEOUT_S))
        return Place(server, url.path, tuple(parse_qsl(url.query, keep_blank_values=True)))
