"""One WebSocket of Asterisk from its first message to its end, over real sockets on loopback."""

import asyncio
import contextlib

import pytest
from aiohttp import ClientWebSocketResponse, WSCloseCode, WSMsgType
from structlog.testing import capture_logs

from offhook.audio.formats import MULAW_8K
from offhook.carriers.asterisk.websocket_leg import WebSocketLeg
from offhook.config import AsteriskWebSocketSettings
from offhook.events import EndReason
from tests.carriers.asterisk.websocket_door import Door, hear_out
from tests.carriers.asterisk.websocket_samples import CALL, JSON_START, PLAIN_START, json_start
from tests.carriers.media_stream.doubles import RawPeer, RememberedCall

FRAME = bytes(range(160))
WITHIN_S = 30


async def end_of(call: RememberedCall) -> tuple[EndReason, str]:
    async with asyncio.timeout(WITHIN_S):
        await call.ended.wait()
    (reason,) = call.ends
    return reason, str(call.said[-1][1])


async def hear(peer: ClientWebSocketResponse) -> str:
    return str((await asyncio.wait_for(peer.receive(), WITHIN_S)).data)


class TestStart:
    async def test_a_channel_that_introduces_itself_is_answered(self) -> None:
        async with Door() as door:
            peer = await door.knock(JSON_START)
            leg, _ = await door.call()
            assert peer.protocol == "media"
            assert (leg.carrier, leg.carrier_call_id, leg.format) == ("asterisk", CALL, MULAW_8K)
            assert (leg.lead_ms, leg.peer, leg.origin.to_number) == (400, "127.0.0.1", "raw")

    async def test_sound_marks_and_keys(self) -> None:
        async with Door() as door:
            peer = await door.knock(PLAIN_START)
            leg, call = await door.call()
            await peer.send_bytes(FRAME * 2)
            await peer.send_bytes(FRAME * 2)
            await peer.send_str("DTMF_END digit:5 channel_id:1795256532.10")
            leg.send(FRAME * 4)
            leg.mark("u1.1")
            assert (await peer.receive()).data == FRAME * 4
            assert await hear(peer) == "MARK_MEDIA u1.1"
            await peer.send_str("MEDIA_MARK_PROCESSED u1.1")
            await peer.close()
            await end_of(call)
            assert call.said[:3] == [FRAME * 4, ("key", "5"), ("played", "u1.1")]

    async def test_a_clear_is_a_flush(self) -> None:
        async with Door() as door:
            peer = await door.knock(PLAIN_START)
            leg, _ = await door.call()
            leg.clear()
            assert await hear(peer) == "FLUSH_MEDIA"

    async def test_parameters_of_the_address(self) -> None:
        async with Door() as door:
            await door.knock(PLAIN_START, params={"agent": "sales"})
            leg, _ = await door.call()
            assert leg.origin.agent == "sales"

    async def test_no_start_in_time(self) -> None:
        async with Door(AsteriskWebSocketSettings(start_within_s=0.01)) as door:
            commands, code, why = await hear_out(await door.knock())
            assert (commands, code) == ([], WSCloseCode.POLICY_VIOLATION)
            assert why == "no MEDIA_START within 0.01 s"

    async def test_sound_before_the_start_is_passed_over(self) -> None:
        async with Door() as door:
            peer = await door.knock()
            await peer.send_bytes(FRAME)
            await peer.send_str(JSON_START)
            _, call = await door.call()
            await peer.close()
            await end_of(call)
            assert call.frames == []

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("DTMF_END digit:1", "the first message is no MEDIA_START"),
            ("GET / HTTP/1.1", "the first message is no MEDIA_START"),
            ("", "begins with no event"),
            ("{nonsense", "no JSON"),
            (json_start(format="g722"), "name c(ulaw)"),
            (json_start(optimal_frame_size=0), "the option p"),
        ],
    )
    async def test_a_first_message_that_no_call_begins_with(self, text: str, problem: str) -> None:
        async with Door() as door:
            commands, code, why = await hear_out(await door.knock(text))
            assert (commands, code) == ([], WSCloseCode.PROTOCOL_ERROR)
            assert problem in why
            assert door.legs == []

    async def test_a_second_connection_for_a_call_is_turned_away_and_the_first_goes_on(self) -> None:
        async with Door() as door:
            first = await door.knock(JSON_START)
            _, call = await door.call()
            commands, code, why = await hear_out(await door.knock(JSON_START))
            assert (commands, code) == ([], WSCloseCode.POLICY_VIOLATION)
            assert "is in progress" in why
            await first.send_bytes(FRAME)
            await call.frames_heard.wait()
            assert (len(door.legs), call.ends) == (1, [])

    async def test_a_call_may_come_back_when_it_is_over(self) -> None:
        async with Door() as door:
            peer = await door.knock(JSON_START)
            await end_of_first(door, peer)
            await door.knock(JSON_START)
            await door.call()
            assert len(door.legs) == 2


async def end_of_first(door: Door, peer: ClientWebSocketResponse) -> None:
    _, call = await door.call()
    await peer.close()
    await end_of(call)
    await asyncio.wait_for(door.served.wait(), WITHIN_S)
    door.arrived.clear()
    assert door.book.peers == {}


class TestEndOfAsterisk:
    async def test_a_close_is_a_hangup(self) -> None:
        async with Door() as door:
            peer = await door.knock(JSON_START)
            _, call = await door.call()
            await peer.close()
            assert await end_of(call) == (EndReason.CALLER_HUNG_UP, "")

    async def test_a_connection_that_breaks_is_a_hangup(self) -> None:
        async with Door() as door:
            peer = await RawPeer(door.port).connect(JSON_START)
            _, call = await door.call()
            peer.reset()
            assert (await end_of(call))[0] is EndReason.CALLER_HUNG_UP

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            (JSON_START, "a second MEDIA_START"),
            ("{nonsense", "no JSON"),
            ("nonsense", "begins with no event"),
            ('{"event":"STATUS"}', "queue_length of a message is no number"),
        ],
    )
    async def test_nonsense_ends_that_call_alone(self, text: str, problem: str) -> None:
        async with Door() as door:
            other = await door.knock(PLAIN_START)
            _, other_call = await door.call()
            door.arrived.clear()
            peer = await door.knock(JSON_START)
            _, call = await door.call()
            await peer.send_str(text)
            reason, detail = await end_of(call)
            assert reason is EndReason.PROTOCOL
            assert problem in detail
            commands, code, _ = await hear_out(peer)
            assert (commands, code) == (["HANGUP"], WSCloseCode.PROTOCOL_ERROR)
            await other.send_bytes(FRAME * 4)
            await asyncio.wait_for(other_call.frames_heard.wait(), WITHIN_S)

    async def test_text_that_is_no_unicode(self) -> None:
        async with Door() as door:
            peer = await door.knock(JSON_START)
            _, call = await door.call()
            writer = peer._writer
            await writer.send_frame(b"\xff\xfe", WSMsgType.TEXT)
            assert (await end_of(call))[0] is EndReason.PROTOCOL

    async def test_a_giant_message(self) -> None:
        async with Door(AsteriskWebSocketSettings(max_message_bytes=4_096)) as door:
            peer = await door.knock(JSON_START)
            _, call = await door.call()
            await peer.send_bytes(bytes(5_000))
            assert (await end_of(call))[0] is EndReason.PROTOCOL

    @pytest.mark.parametrize("kind", ["text", "sound", "much sound", "nothing"])
    async def test_a_flood(self, kind: str) -> None:
        async with Door() as door:
            peer = await door.knock(JSON_START)
            _, call = await door.call()
            with contextlib.suppress(ConnectionError):
                for _ in range(3_000):
                    if kind == "text":
                        await peer.send_str("QUEUE_DRAINED")
                    else:
                        await peer.send_bytes({"sound": FRAME, "much sound": FRAME * 400, "nothing": b""}[kind])
            await peer.close()
            reason, detail = await end_of(call)
            assert reason is EndReason.PROTOCOL
            assert "messages or frames a second" in detail

    @pytest.mark.parametrize(("payload", "start"), [(b"", JSON_START), (bytes(641), PLAIN_START), (b"x", PLAIN_START)])
    async def test_odd_sound_is_passed_over_and_counted(self, payload: bytes, start: str) -> None:
        with capture_logs() as logs:
            async with Door() as door:
                peer = await door.knock(start)
                _, call = await door.call()
                await peer.send_bytes(payload)
                await peer.send_str("SOMETHING_NEW")
                await peer.close()
                await end_of(call)
                assert call.frames == []
        (ended,) = [line for line in logs if line["event"] == "WebSocket call ended"]
        assert ended["ignored"] == {"sound of half a sample, or none": 1, "events of no use": 1}

    async def test_what_asterisk_refuses_is_logged(self) -> None:
        with capture_logs() as logs:
            async with Door() as door:
                peer = await door.knock(JSON_START)
                _, call = await door.call()
                await peer.send_str("ERROR channel_id:1.2 error_text:MARK_MEDIA not supported")
                await peer.close()
                await end_of(call)
        (refused,) = [line for line in logs if line["event"] == "Asterisk refused a command"]
        assert refused["problem"] == "MARK_MEDIA not supported"

    async def test_a_fault_of_ours_ends_that_call(self) -> None:
        def answer(leg: WebSocketLeg) -> None:
            raise RuntimeError("a bug")

        async with Door(answer=answer) as door:
            commands, code, _ = await hear_out(await door.knock(JSON_START))
            assert (commands, code) == (["HANGUP"], WSCloseCode.INTERNAL_ERROR)
            await asyncio.wait_for(door.served.wait(), WITHIN_S)
            assert door.book.peers == {}


class TestPulse:
    async def test_a_silent_line_is_asked_and_may_stay_silent(self) -> None:
        async with Door(heartbeat_s=0.05) as door:
            peer = await door.knock(JSON_START)
            _, call = await door.call()
            for _ in range(3):
                assert await hear(peer) == '{"command":"GET_STATUS"}'
                await peer.send_str('{"event":"STATUS","queue_length":0}')
            assert call.ends == []

    async def test_one_that_does_not_tell_is_gone(self) -> None:
        async with Door(heartbeat_s=0.02) as door:
            peer = await RawPeer(door.port).connect(JSON_START)
            _, call = await door.call()
            assert await end_of(call) == (EndReason.PEER_STALLED, "the channel does not tell its status")
            peer.close()

    async def test_no_ping_is_sent_for_old_channels_hang_up_on_it(self) -> None:
        async with Door(heartbeat_s=0.02) as door:
            peer = await door.knock(JSON_START, autoping=False)
            message = await asyncio.wait_for(peer.receive(), WITHIN_S)
            assert message.type is WSMsgType.TEXT

    async def test_a_ping_is_answered(self) -> None:
        async with Door() as door:
            peer = await door.knock(JSON_START, autoping=False)
            await peer.ping(b"here?")
            message = await asyncio.wait_for(peer.receive(), WITHIN_S)
            assert (message.type, message.data) == (WSMsgType.PONG, b"here?")


class TestOurEnd:
    async def test_asterisk_is_told_to_hang_up_and_closes(self) -> None:
        async with Door() as door:
            peer = await door.knock(JSON_START)
            leg, call = await door.call()
            closing = asyncio.create_task(leg.close(EndReason.AGENT_HUNG_UP))
            assert await hear(peer) == '{"command":"HANGUP"}'
            assert not closing.done()
            await peer.close()
            await asyncio.wait_for(closing, WITHIN_S)
            assert call.ends == []

    async def test_one_that_does_not_close_is_closed(self) -> None:
        async with Door(farewell_s=0.02) as door:
            peer = await door.knock(PLAIN_START)
            leg, _ = await door.call()
            closing = asyncio.create_task(leg.close(EndReason.AGENT_HUNG_UP))
            commands, code, _ = await hear_out(peer)
            assert (commands, code) == (["HANGUP"], WSCloseCode.OK)
            await asyncio.wait_for(closing, WITHIN_S)
            await leg.close(EndReason.AGENT_HUNG_UP)

    async def test_a_stopping_server_says_goodbye(self) -> None:
        async with Door(farewell_s=0.02) as door:
            peer = await door.knock(JSON_START)
            _, call = await door.call()
            door.tasks[0].cancel()
            assert await end_of(call) == (EndReason.SHUTDOWN, "")
            commands, code, _ = await hear_out(peer)
            assert (commands, code) == (["HANGUP"], WSCloseCode.GOING_AWAY)

    async def test_a_peer_that_does_not_read_is_given_up(self) -> None:
        async with Door() as door:
            peer = await RawPeer(door.port).connect(JSON_START)
            leg, call = await door.call()
            while not call.ends:
                for _ in range(100):
                    leg.send(FRAME)
                await asyncio.sleep(0)
            assert await end_of(call) == (EndReason.PEER_STALLED, "the peer has left 2000 ms of audio unread")
            peer.close()
