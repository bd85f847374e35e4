"""The carrier's hand on one call of a media stream."""

from collections.abc import Callable
from contextlib import suppress
from uuid import uuid4

from offhook.calls.leg import CallControl
from offhook.carriers.destinations import destination, keys, sound_url
from offhook.carriers.media_stream import documents
from offhook.carriers.media_stream.api import CarrierApi, Publish
from offhook.errors import CallError, CarrierError

__all__ = ["StreamControl"]


class StreamControl:
    """Implements `CallControl` for the call that the carrier knows as `call_id`.

    `publish` serves a document for a minute and returns its address; `dial_document` writes the one that connects a
    caller to a number.
    """

    def __init__(
        self, api: CarrierApi, call_id: str, *, publish: Publish, dial_document: Callable[[str], bytes]
    ) -> None:
        self._api = api
        self._call_id = call_id
        self._publish = publish
        self._dial_document = dial_document

    async def transfer(self, to: str) -> None:
        """Hand the caller over. The media stream is ended by the carrier soon after: closing it before would end the
        call. Raises CallError."""
        await self._api.transfer(self._call_id, self._dial_document(destination(to)), self._publish)

    async def bridge(self, other: CallControl) -> None:
        """Let the caller and who is in `other` meet in a conference. Raises CallError.

        Who was called goes first: when that fails the caller is still with us. When the caller cannot follow, who was
        called is hung up, and does not wait there alone; unless it is unknown whether the caller did."""
        if not isinstance(other, StreamControl) or other._api is not self._api:
            problem = "cannot connect a caller with another account's"
            raise CarrierError(problem, carrier=self._api.carrier, offered=False)
        document = documents.conference(self._api.carrier, f"offhook-{uuid4()}")
        await self._api.transfer(other._call_id, document, self._publish)
        try:
            await self._api.transfer(self._call_id, document, self._publish)
        except BaseException as error:
            if not (isinstance(error, CarrierError) and error.unknown):
                with suppress(CallError):
                    await other.hang_up()
            raise

    async def send_dtmf(self, digits: str) -> None:
        """Press keys towards the caller. Raises CallError."""
        await self._api.send_dtmf(self._call_id, keys(digits))

    async def play(self, url: str) -> None:
        """Let the carrier play a file. Raises CallError."""
        await self._api.play(self._call_id, sound_url(url))

    async def record(self) -> str:
        """Let the carrier record. Raises CallError."""
        return await self._api.record(self._call_id)

    async def hang_up(self) -> None:
        """End the call; one that is gone already is fine. Raises CallError."""
        await self._api.hang_up(self._call_id)
