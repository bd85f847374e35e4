"""Our hand on one call in our application, by Asterisk's REST interface."""

from offhook.calls.leg import CallControl
from offhook.carriers.asterisk.ami_wire import argument
from offhook.carriers.asterisk.ari import Ari, path
from offhook.carriers.asterisk.ari_call import AriCall
from offhook.carriers.asterisk.ari_calls import AriCalls
from offhook.carriers.destinations import extension, keys
from offhook.config import AsteriskSettings
from offhook.errors import CallError, CarrierError

__all__ = ["AriControl"]

_KEY_MS = "100"


class AriControl:
    """Implements `CallControl` for `call`, which is one of `calls`."""

    def __init__(self, ari: Ari, calls: AriCalls, call: AriCall, settings: AsteriskSettings):
        self._ari = ari
        self._calls = calls
        self._call = call
        self._settings = settings
        self._recording = ""

    async def transfer(self, to: str) -> None:
        """Let the caller go on at extension `to` of the transfer context. Raises CallError."""
        context = self._settings.transfer_context
        if not context:
            hint = "Set asterisk.transfer_context to a context of the dialplan; see docs/asterisk.md."
            raise CarrierError("cannot transfer calls yet", carrier="asterisk", hint=hint, offered=False)
        chosen = extension(to)
        # To go on at what is not there would drop the caller. Without func_dialplan nobody knows.
        asked = f"DIALPLAN_EXISTS({context},{argument('extension', chosen)},1)"
        if await self._call.value(asked) == "0":
            raise CallError(f"there is no extension {chosen} in the context {context} of Asterisk's dialplan")
        where = path("channels", self._call.party.id, "continue")
        await self._ari.ask("POST", where, context=context, extension=chosen, priority="1")

    async def bridge(self, other: CallControl) -> None:
        """Let the caller and the party of `other` talk to each other. Raises CallError.

        When one of the two hangs up, the other goes on in the dialplan."""
        if not isinstance(other, AriControl):
            raise CarrierError("cannot connect a caller with another carrier's", carrier="asterisk", offered=False)
        await self._calls.connect(self._call, other._call)

    async def send_dtmf(self, digits: str) -> None:
        """Press keys towards the caller. Raises CallError; as what is not offered where it was refused, so that the
        call may send tones."""
        pressed = keys(digits).replace("W", "w")
        where = path("channels", self._call.party.id, "dtmf")
        try:
            await self._ari.ask("POST", where, dtmf=pressed, duration=_KEY_MS, between=_KEY_MS)
        except CarrierError as error:
            problem = str(error.args[0]).partition("\n")[0]
            raise CarrierError(problem, hint=error.hint, unknown=error.unknown, offered=error.unknown) from error

    async def play(self, url: str) -> None:
        """Not by Asterisk: it would sound together with the agent."""
        raise CarrierError("plays no files during a call", carrier="asterisk", offered=False)

    async def record(self) -> str:
        """Let Asterisk record both sides; returns the name of the file below its folder of recordings. Raises
        CallError."""
        if not self._recording:
            file = self._settings.record_file.replace("{call}", argument("call", self._call.id))
            name, _, kind = file.rpartition(".")
            where = path("bridges", self._call.bridge, "record")
            await self._ari.ask("POST", where, name=name or file, format=kind if name else "wav", ifExists="overwrite")
            self._recording = file
        return self._recording

    async def stop_recording(self) -> None:
        """End the recording, if there is one. Raises CallError."""
        if self._recording:
            name = self._recording.rpartition(".")[0] or self._recording
            await self._ari.ask("POST", path("recordings", "live", name, "stop"), fine=(404,))
            self._recording = ""
