"""Connects the sockets of a call's streams, reports on them, and connects again where the document says so."""

import asyncio

import aiohttp

from offhook.errors import CallError
from offhook.simulator.clouds.media_stream.call import CloudCall
from offhook.simulator.clouds.media_stream.signing import signature_headers
from offhook.simulator.clouds.media_stream.stream import MediaStream, StreamEnd, StreamEvents
from offhook.simulator.clouds.media_stream.verbs import Stream
from offhook.simulator.clouds.media_stream.wire import Wire
from offhook.simulator.clouds.media_stream.wire_plivo import PlivoWire
from offhook.simulator.clouds.media_stream.wire_twilio import TwilioWire

__all__ = ["stream_until_over"]

CONNECT_TIMEOUT_S = 10.0
RETRY_S = 1.0
TRACKS = {"inbound": ("inbound",), "outbound": ("outbound",), "both": ("inbound", "outbound")}


async def stream_until_over(call: CloudCall, verb: Stream) -> StreamEnd:
    """Serve a stream of `call`, and the ones that take its place when the connection breaks."""
    retries = verb.max_retries
    while True:
        end = await _Streaming(call, verb).run()
        if end is not StreamEnd.BROKEN or not retries:
            return end
        retries -= 1
        await call.clock.sleep(RETRY_S)


class _Streaming(StreamEvents):
    """One socket of a call: made, served, reported on."""

    def __init__(self, call: CloudCall, verb: Stream):
        self._call = call
        self._verb = verb
        self._id = call.dialect.new_stream_id()
        self._url = verb.url if call.dialect.keeps_query else verb.url.partition("?")[0]

    async def run(self) -> StreamEnd:
        """From the handshake to the last callback."""
        call = self._call
        if call.dialect.twilio and "?" in self._verb.url:
            call.log.problems.append("the address of a <Stream> has a query string")
        try:
            socket = await self._connect()
        except CallError as error:
            call.log.problems.append(str(error))
            self._tell("FailedStream" if call.dialect.twilio else "DroppedStream")
            return StreamEnd.BROKEN
        stream = MediaStream(self._verb, self._wire(), self._id, call.clock, call.sender.variants)
        stream.events = self
        call.phone.connect(stream)
        self._tell("StartStream")
        try:
            await stream.run(socket)
        finally:
            stream.end = stream.end or StreamEnd.BROKEN
            self._tell("StopStream" if stream.end is StreamEnd.STOPPED else "DroppedStream")
        return stream.end

    def marked(self, name: str) -> None:
        """Report a mark."""
        self._tell("PlayedStream", name)

    def cleared(self) -> None:
        """Report a clear."""
        self._tell("ClearedAudio")

    def tones(self, digits: str) -> None:
        """Let the person hear keys."""
        self._call.log.keys += digits

    async def _connect(self) -> aiohttp.ClientWebSocketResponse:
        sender = self._call.sender
        problem = ""
        for _ in range(self._call.dialect.connects):
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT_S):
                    return await sender.session.ws_connect(
                        sender.reach(self._url), headers=self._headers(), max_msg_size=0
                    )
            except (aiohttp.ClientError, TimeoutError) as error:
                problem = str(error) or type(error).__name__
        raise CallError(f"the stream cannot connect to {self._url}: {problem}")

    def _headers(self) -> dict[str, str]:
        sender = self._call.sender
        signed = sender.variants.signed_socket
        headers = {"User-Agent": sender.dialect.user_agent}
        if sender.dialect.twilio if signed is None else signed:
            headers |= signature_headers(sender.dialect, sender.account, "GET", self._url, {}, signing=sender.signing)
        return headers

    def _wire(self) -> Wire:
        call, verb = self._call, self._verb
        tracks, variants = TRACKS[verb.track], call.sender.variants
        if call.dialect.twilio:
            return TwilioWire(
                call_id=call.id,
                stream_id=self._id,
                account_id=call.facts.account.id,
                tracks=tracks,
                bidirectional=verb.bidirectional,
                parameters=verb.parameters,
                variants=variants,
            )
        return PlivoWire(
            call.dialect,
            call_id=call.id,
            stream_id=self._id,
            account_number=call.facts.account.number,
            content_type=verb.content_type,
            tracks=tracks,
            bidirectional=verb.bidirectional,
            # Vobiz takes extra headers and passes them to the callbacks alone.
            extra_headers=verb.extra_headers if call.dialect.carrier == "plivo" else {},
            variants=variants,
        )

    def _tell(self, event: str, name: str = "") -> None:
        verb, call = self._verb, self._call
        label = verb.name if call.dialect.twilio else name
        params = call.parameters.stream(event, self._id, label, self._url, dict(verb.extra_headers))
        if params:
            if not call.dialect.twilio:
                params |= {"status_callback_url": verb.status_url, "status_callback_method": verb.status_method}
                params |= {"Timestamp": call.clock.utc().strftime("%Y-%m-%d %H:%M:%S")}
            else:
                params |= {"Timestamp": call.clock.utc().isoformat()}
            call.courier.tell(verb.status_url, verb.status_method, params, event)
