"""One media socket from its first message to its end, over real sockets on loopback."""

import asyncio
import contextlib

import orjson
import pytest
from aiohttp import ClientWebSocketResponse, WSCloseCode, WSMessage, WSMsgType
from streamdouble.api import call as place_call
from streamdouble.session import SessionConfig

from offhook.audio.formats import MULAW_8K, PCM_8K
from offhook.calls.leg import CallOrigin, Leg
from offhook.carriers.media_stream.tickets import Ticket
from offhook.config.carriers import CarrierName, CarrierSettings, MediaStreamSettings, TwilioSettings
from offhook.events import EndReason
from tests.carriers.media_stream.doubles import Door, RawPeer, RememberedCall
from tests.carriers.media_stream.samples import (
    CALL,
    CALL_SID,
    STREAM,
    TWILIO_CONNECTED,
    TWILIO_MEDIA,
    TWILIO_START,
    TWILIO_STOP,
    ULAW,
    VOBIZ_FLAT_START,
    VOBIZ_START,
    VOBIZ_STOP,
    media,
    start_with,
    text,
)


def ticket(carrier: CarrierName = "vobiz", call_id: str = CALL) -> Ticket:
    return Ticket(carrier, call_id, CallOrigin(from_number="+918071387423"), MULAW_8K)


async def say(peer: ClientWebSocketResponse, *messages: object) -> None:
    for message in messages:
        await peer.send_str(message if isinstance(message, str) else text(message))


async def hear_out(peer: ClientWebSocketResponse) -> tuple[list[str], WSMessage]:
    """The events of everything up to the close, and the close."""
    events = []
    while (message := await peer.receive()).type is WSMsgType.TEXT:
        events.append(orjson.loads(message.data)["event"])
    return events, message


async def end_of(call: RememberedCall) -> tuple[EndReason, str]:
    async with asyncio.timeout(30):
        await call.ended.wait()
    (reason,) = call.ends
    return reason, str(call.said[-1][1])


class TestStart:
    async def test_a_started_stream_is_answered(self) -> None:
        async with Door(ticket()) as door:
            await say(await door.knock(), VOBIZ_START)
            leg, _ = await door.call()
            assert (leg.carrier, leg.carrier_call_id, leg.format) == ("vobiz", CALL, MULAW_8K)
            assert (leg.peer, leg.lead_ms, leg.origin.from_number) == ("127.0.0.1", 400, "+918071387423")

    async def test_sound_goes_both_ways(self) -> None:
        async with Door(ticket()) as door:
            peer = await door.knock()
            await say(peer, VOBIZ_START, media(ULAW[:100]), media(ULAW[100:]))
            leg, call = await door.call()
            await call.frames_heard.wait()
            assert call.frames == [ULAW]
            leg.send(ULAW)
            leg.mark("a")
            leg.clear()
            events = [orjson.loads(await peer.receive_str())["event"] for _ in range(3)]
            assert events == ["playAudio", "checkpoint", "clearAudio"]

    async def test_sound_before_the_start_is_kept_and_of_that_the_last(self) -> None:
        early = [bytes((number,)) * 160 for number in range(150)]
        async with Door(ticket()) as door:
            await say(await door.knock(), *map(media, early), VOBIZ_START, VOBIZ_STOP)
            _, call = await door.call()
            await end_of(call)
            assert call.frames == early[50:]

    async def test_the_format_told_is_the_leg_s(self) -> None:
        async with Door(ticket()) as door:
            await say(await door.knock(), start_with(encoding="audio/x-l16", sampleRate=8000))
            leg, _ = await door.call()
            assert leg.format == PCM_8K

    async def test_the_byte_order_is_the_carrier_s(self) -> None:
        async with Door(ticket(), carrier=CarrierSettings(byte_order="big")) as door:
            start = start_with(encoding="audio/x-l16", sampleRate=8000)
            await say(await door.knock(), start, media(b"\x01\x02" * 160))
            _, call = await door.call()
            await call.frames_heard.wait()
            assert call.frames == [b"\x02\x01" * 160]

    async def test_the_case_of_a_call_id_does_not_matter(self) -> None:
        async with Door(ticket(call_id=CALL.upper())) as door:
            await say(await door.knock(), VOBIZ_START)
            leg, _ = await door.call()
            assert leg.carrier_call_id == CALL.upper()

    async def test_a_ticket_without_a_call_id_takes_the_stream_s(self) -> None:
        async with Door(ticket(call_id="")) as door:
            await say(await door.knock(), VOBIZ_START)
            assert (await door.call())[0].carrier_call_id == CALL

    async def test_a_stream_without_a_call_id_takes_the_ticket_s(self) -> None:
        async with Door(ticket()) as door:
            await say(await door.knock(), {"event": "start", "streamId": STREAM})
            assert (await door.call())[0].carrier_call_id == CALL

    async def test_the_stream_of_another_call_is_turned_away(self) -> None:
        async with Door(ticket()) as door:
            peer = await door.knock()
            await say(peer, VOBIZ_FLAT_START)
            events, close = await hear_out(peer)
            assert (events, close.data) == (["stop"], WSCloseCode.POLICY_VIOLATION)
            assert "c-456" in str(close.extra)
            assert door.switchboard.legs == []

    async def test_a_stream_that_does_not_start_is_closed(self) -> None:
        async with Door(ticket(), limits=MediaStreamSettings(start_within_s=0.01)) as door:
            peer = await door.knock()
            _, close = await hear_out(peer)
            assert (close.data, close.extra) == (WSCloseCode.POLICY_VIOLATION, "no start within 0.01 s")

    async def test_a_second_start_is_not_answered(self) -> None:
        async with Door(ticket()) as door:
            await say(await door.knock(), VOBIZ_START, VOBIZ_START, VOBIZ_STOP)
            _, call = await door.call()
            await end_of(call)
            assert len(door.switchboard.legs) == 1


class TestEndOfTheCarrier:
    async def test_a_close_is_a_hangup(self) -> None:
        async with Door(ticket()) as door:
            peer = await door.knock()
            await say(peer, VOBIZ_START)
            _, call = await door.call()
            await peer.close()
            assert await end_of(call) == (EndReason.CALLER_HUNG_UP, "")

    async def test_a_stop_and_a_close_are_one_hangup(self) -> None:
        async with Door(ticket()) as door:
            peer = await door.knock()
            await say(peer, VOBIZ_START, {**VOBIZ_STOP, "reason": "hangup"}, VOBIZ_STOP)
            events, close = await hear_out(peer)
            await door.served.wait()
            _, call = await door.call()
            assert (events, close.data) == ([], WSCloseCode.OK)
            assert call.said == [(EndReason.CALLER_HUNG_UP, "hangup")]

    async def test_a_broken_line_is_a_hangup(self) -> None:
        async with Door(ticket()) as door:
            peer = await RawPeer(door.port).connect()
            await peer.say(text(VOBIZ_START))
            _, call = await door.call()
            peer.reset()
            assert (await end_of(call))[0] is EndReason.CALLER_HUNG_UP

    async def test_a_peer_that_answers_no_ping_has_stalled(self) -> None:
        async with Door(ticket(), heartbeat_s=0.02) as door:
            peer = await RawPeer(door.port).connect(text(VOBIZ_START))
            _, call = await door.call()
            assert (await end_of(call))[0] is EndReason.PEER_STALLED
            peer.close()

    async def test_a_ping_is_answered(self) -> None:
        async with Door(ticket()) as door:
            peer = await door.knock(autoping=False)
            await peer.ping(b"hello")
            pong = await peer.receive()
            assert (pong.type, pong.data) == (WSMsgType.PONG, b"hello")

    async def test_a_socket_may_close_before_its_start(self) -> None:
        async with Door(ticket()) as door:
            peer = await door.knock()
            await peer.close()
            await door.served.wait()
            assert door.switchboard.legs == []


class TestFaults:
    async def test_a_broken_payload_ends_the_call(self) -> None:
        async with Door(ticket()) as door:
            peer = await door.knock()
            await say(peer, VOBIZ_START, {"event": "media", "media": {"payload": "A"}})
            events, close = await hear_out(peer)
            _, call = await door.call()
            assert (events, close.data) == (["stop"], WSCloseCode.PROTOCOL_ERROR)
            assert (await end_of(call))[0] is EndReason.PROTOCOL

    async def test_a_giant_message_ends_the_call(self) -> None:
        async with Door(ticket()) as door:
            peer = await door.knock()
            await say(peer, VOBIZ_START, " " * 65_537)
            _, close = await hear_out(peer)
            _, call = await door.call()
            assert close.data == WSCloseCode.MESSAGE_TOO_BIG
            assert (await end_of(call))[0] is EndReason.PROTOCOL

    @pytest.mark.parametrize(
        ("message", "times"),
        [("{}", 1_100), (b"\x00", 1_100), (text({"event": "dtmf", "digit": "5"}), 1_100), (media(ULAW * 200), 6)],
    )
    async def test_a_peer_that_sends_too_much_ends_its_call(self, message: str | bytes, times: int) -> None:
        async with Door(ticket()) as door:
            peer = await door.knock()
            await say(peer, VOBIZ_START)
            with contextlib.suppress(ConnectionError):
                for _ in range(times):
                    await (peer.send_str(message) if isinstance(message, str) else peer.send_bytes(message))
            _, call = await door.call()
            assert await end_of(call) == (EndReason.PROTOCOL, "more than 600 messages or frames a second")

    async def test_binary_messages_and_nonsense_are_ignored(self) -> None:
        async with Door(ticket()) as door:
            peer = await door.knock()
            await peer.send_bytes(b"\x00" * 320)
            await say(peer, "nonsense", VOBIZ_START)
            await peer.send_bytes(b"\x00" * 320)
            await say(peer, {"event": "error"}, media(ULAW), VOBIZ_STOP)
            _, call = await door.call()
            await end_of(call)
            assert call.said == [ULAW, (EndReason.CALLER_HUNG_UP, "")]

    async def test_a_peer_that_does_not_read_is_given_up(self) -> None:
        async with Door(ticket()) as door:
            peer = await RawPeer(door.port).connect()
            await peer.say(text(VOBIZ_START))
            leg, call = await door.call()
            for _ in range(5_000):
                leg.send(ULAW)
                await asyncio.sleep(0)
                if call.ends:
                    break
            assert (await end_of(call))[0] is EndReason.PEER_STALLED
            await leg.close(EndReason.PEER_STALLED)
            assert door.sockets[0].unread == 0
            peer.close()

    async def test_a_burst_is_no_stall(self) -> None:
        async with Door(ticket()) as door:
            peer = await door.knock()
            await say(peer, VOBIZ_START)
            leg, call = await door.call()
            for _ in range(99):
                leg.send(ULAW)
            leg.mark("a")
            events = [orjson.loads(await peer.receive_str())["event"] for _ in range(100)]
            assert events == ["playAudio"] * 99 + ["checkpoint"]
            assert call.said == []

    async def test_a_fault_of_ours_ends_that_call_and_no_other(self) -> None:
        async with Door(ticket()) as door:
            healthy = await door.knock()
            await say(healthy, VOBIZ_START)
            leg, call = await door.call()

            def refuse(_: Leg) -> None:
                raise LookupError("no such agent")

            door.answer = refuse
            broken = await door.knock()
            await say(broken, VOBIZ_START)
            _, close = await hear_out(broken)
            assert (close.data, close.extra) == (WSCloseCode.INTERNAL_ERROR, "")
            leg.send(ULAW)
            assert orjson.loads(await healthy.receive_str())["event"] == "playAudio"
            assert call.said == []


class TestEndOfOurs:
    @pytest.mark.parametrize(
        ("carrier", "start", "words"), [("vobiz", VOBIZ_START, ["stop"]), ("plivo", VOBIZ_START, [])]
    )
    async def test_the_carrier_is_told_in_its_way(self, carrier: CarrierName, start: object, words: list[str]) -> None:
        async with Door(ticket(carrier)) as door:
            peer = await door.knock()
            await say(peer, start)
            leg, call = await door.call()
            (events, close), _ = await asyncio.gather(hear_out(peer), leg.close(EndReason.AGENT_HUNG_UP))
            assert (events, close.data) == (words, WSCloseCode.OK)
            assert call.said == []
            await leg.close(EndReason.AGENT_HUNG_UP)

    async def test_what_was_said_before_the_end_still_arrives(self) -> None:
        async with Door(ticket()) as door:
            peer = await door.knock()
            await say(peer, VOBIZ_START)
            leg, _ = await door.call()
            leg.send(ULAW)
            closing = asyncio.create_task(leg.close(EndReason.AGENT_HUNG_UP))
            for _ in range(200):
                # A caller does not fall silent because we hang up.
                await say(peer, media(ULAW))
            events, _ = await hear_out(peer)
            await closing
            assert events == ["playAudio", "stop"]

    async def test_a_peer_that_does_not_answer_the_close_is_not_waited_for(self) -> None:
        async with Door(ticket(), close_s=0.05) as door:
            peer = await RawPeer(door.port).connect()
            await peer.say(text(VOBIZ_START))
            leg, _ = await door.call()
            async with asyncio.timeout(30):
                await leg.close(EndReason.AGENT_HUNG_UP)
            assert b"stop" in await peer.hear()
            peer.close()

    async def test_a_shutdown_is_named(self) -> None:
        async with Door(ticket()) as door:
            peer = await door.knock()
            await say(peer, VOBIZ_START)
            leg, _ = await door.call()
            (_, close), _ = await asyncio.gather(hear_out(peer), leg.close(EndReason.SHUTDOWN))
            assert close.data == WSCloseCode.GOING_AWAY

    async def test_a_server_that_stops_tells_its_calls(self) -> None:
        async with Door(ticket(), close_s=0.05) as door:
            peer = await door.knock()
            await say(peer, VOBIZ_START)
            _, call = await door.call()
            await door.stop()
            assert call.ends == [EndReason.SHUTDOWN]

    async def test_a_handler_that_is_cancelled_tells_its_call(self) -> None:
        async with Door(ticket(), close_s=0.05) as door:
            peer = await door.knock()
            await say(peer, VOBIZ_START)
            leg, call = await door.call()
            door.tasks[0].cancel()
            assert await end_of(call) == (EndReason.SHUTDOWN, "")
            await leg.close(EndReason.SHUTDOWN)


class TestTwilio:
    async def test_a_call_from_greeting_to_stop(self) -> None:
        async with Door(ticket("twilio", CALL_SID), carrier=TwilioSettings()) as door:
            peer = await door.knock()
            await say(peer, TWILIO_CONNECTED, TWILIO_START, TWILIO_MEDIA)
            leg, call = await door.call()
            await call.frames_heard.wait()
            leg.send(ULAW)
            assert orjson.loads(await peer.receive_str())["event"] == "media"
            await say(peer, TWILIO_STOP)
            assert await end_of(call) == (EndReason.CALLER_HUNG_UP, "")
            assert call.frames == [ULAW]

    async def test_a_caller_that_nobody_here_wrote_hears_its_echo(self) -> None:
        class Echo(RememberedCall):
            def __init__(self, leg: Leg) -> None:
                super().__init__()
                self._leg = leg

            def on_audio(self, frame: bytes) -> None:
                super().on_audio(frame)
                self._leg.send(frame)
                if len(self.frames) == len(voice) // 2:
                    self._leg.mark("half")
                    self._leg.clear()
                    self._leg.mark("again")

        calls: list[Echo] = []

        def answer(leg: Leg) -> None:
            calls.append(Echo(leg))
            leg.attach(calls[-1])

        voice = [bytes((number + 1,)) * 160 for number in range(20)]
        config = SessionConfig(quiet_period_s=0.3, custom_parameters={"k": "v"})
        async with Door(ticket("twilio", ""), carrier=TwilioSettings(), answer=answer) as door:
            report = await place_call(door.url, frames=voice, config=config)
            await door.served.wait()
        assert (report.exit_code, report.violations) == (0, [])
        assert report.audio_received == b"".join(voice)
        assert report.result.clears_received == 1
        assert report.result.marks_received == ["half", "again"]
        (call,) = calls
        assert call.frames == voice
        assert ("played", "half") not in call.said
        assert call.ends == [EndReason.CALLER_HUNG_UP]
