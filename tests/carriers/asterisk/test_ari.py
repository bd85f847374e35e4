import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from offhook.carriers.asterisk.ari import Ari, AriAccount, AriTiming, ari_account, path
from offhook.carriers.asterisk.ari_wire import AriEvent, Left, Started
from offhook.config import Settings
from offhook.errors import CarrierError, ConfigError, WireError
from offhook.simulator.clouds.asterisk_ari import AriDouble
from tests.carriers.asterisk.ari_house import PATIENCE_S, account, holds, listening


def settings(**keys: Any) -> Settings:
    return Settings.model_validate({"keys": keys})


class TestAccount:
    def test_without_a_user_there_is_none(self) -> None:
        assert ari_account(Settings()) is None

    def test_a_user(self) -> None:
        found = ari_account(settings(ari_user="offhook", ari_pass="secret"))
        assert found == AriAccount("http://127.0.0.1:8088", "offhook", "secret")
        assert "secret" not in repr(found)

    @pytest.mark.parametrize("keys", [{"ari_user": "offhook"}, {"ari_user": "a:b", "ari_pass": "secret"}])
    def test_a_user_who_cannot_be_let_in(self, keys: dict[str, str]) -> None:
        with pytest.raises(ConfigError, match=r"ARI_PASS|colon"):
            ari_account(settings(**keys))

    def test_an_address_that_is_empty(self) -> None:
        tree = {"keys": {"ari_user": "a", "ari_pass": "b"}, "asterisk": {"ari": {"url": ""}}}
        with pytest.raises(ConfigError, match=r"asterisk\.ari\.url"):
            ari_account(Settings.model_validate(tree))


def test_parts_of_a_path_stay_parts() -> None:
    assert path("channels", "a/../b?c=d", "answer") == "/channels/a%2F..%2Fb%3Fc%3Dd/answer"


class TestRequests:
    async def test_what_is_asked_and_said(self) -> None:
        async with AriDouble() as pbx, listening(pbx) as ari:
            said = await ari.ask("POST", path("bridges", "offhook-1"), type="mixing", name="")
            assert said == {"id": "offhook-1"}
            assert pbx.requests[-1] == ("POST", "/bridges/offhook-1", {"type": "mixing"})

    async def test_values_do_not_become_more_than_they_are(self) -> None:
        async with AriDouble() as pbx, listening(pbx) as ari:
            await ari.ask("POST", path("bridges", "b"), type="mixing", name="x&app=y#z ü")
            assert pbx.requests[-1][2] == {"type": "mixing", "name": "x&app=y#z ü"}

    async def test_a_refusal(self) -> None:
        async with AriDouble() as pbx, listening(pbx) as ari:
            with pytest.raises(CarrierError, match="Channel not found") as caught:
                await ari.ask("POST", path("channels", "1.2", "answer"))
            assert (caught.value.status, caught.value.unknown) == (404, False)
            assert await ari.ask("POST", path("channels", "1.2", "answer"), fine=(404,)) == {
                "message": "Channel not found"
            }

    async def test_a_user_who_is_refused(self) -> None:
        async with AriDouble() as pbx:
            ari = Ari(account(pbx, "very-secret"))
            with pytest.raises(CarrierError) as caught:
                await ari.ask("GET", "/asterisk/info")
            assert (caught.value.status, "ARI_PASS" in caught.value.hint) == (401, True)
            assert "very-secret" not in str(caught.value)
            await ari.close()

    async def test_nobody_there(self) -> None:
        async with AriDouble() as pbx:
            pass
        ari = Ari(account(pbx))
        with pytest.raises(CarrierError, match="no REST interface") as caught:
            await ari.ask("GET", "/asterisk/info")
        assert (caught.value.unknown, "http.conf" in caught.value.hint) == (False, True)
        await ari.close()

    async def test_nothing_is_asked_after_the_end(self) -> None:
        async with AriDouble() as pbx:
            async with listening(pbx) as ari:
                pass
            with pytest.raises(CarrierError, match="closed"):
                await ari.ask("GET", "/asterisk/info")

    async def test_no_answer_leaves_it_unknown_what_was_done(self) -> None:
        async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1_000)
            writer.close()

        server = await asyncio.start_server(swallow, "127.0.0.1", 0)
        ari = Ari(AriAccount(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "a", "b"))
        with pytest.raises(CarrierError) as caught:
            await ari.ask("POST", "/channels/1")
        assert caught.value.unknown
        await ari.close()
        server.close()


class TestEvents:
    async def test_they_come_to_who_asked(self) -> None:
        async with AriDouble() as pbx, listening(pbx) as ari:
            events: list[AriEvent] = []
            end = ari.subscribe(events.append)
            channel = await pbx.call("600", "sales")
            await holds(lambda: events)
            (event,) = events
            assert isinstance(event, Started)
            assert (event.channel.id, event.channel.caller_number, event.arguments) == (
                channel.id,
                "+15550100",
                ("sales",),
            )
            end()
            await pbx.hang_up(channel)
            await ari.ask("GET", "/asterisk/info")
            assert len(events) == 1

    async def test_a_fault_over_one_is_not_the_end(self) -> None:
        def break_down(event: AriEvent) -> None:
            raise ZeroDivisionError

        async with AriDouble() as pbx, listening(pbx) as ari:
            events: list[AriEvent] = []
            ari.subscribe(break_down)
            ari.subscribe(events.append)
            with capture_logs() as logs:
                await pbx.call()
                await holds(lambda: events)
            assert logs[0]["event"] == "a fault over an event of Asterisk"
            assert pbx.connections == 1

    async def test_one_that_cannot_be_understood_is_passed_over(self) -> None:
        async with AriDouble() as pbx, listening(pbx) as ari:
            events: list[AriEvent] = []
            ari.subscribe(events.append)
            await pbx.babble('{"type":"StasisStart","channel":{"id":"../x"}}')
            await pbx.babble('{"type":"StasisEnd","channel":{"id":"1.2"}}')
            await holds(lambda: events)
            assert (events, pbx.connections) == ([Left("1.2")], 1)

    @pytest.mark.parametrize("text", ["<html>", "[]", "x" * 2_000_000])
    async def test_what_is_no_event_ends_the_connection_and_another_is_made(self, text: str) -> None:
        async with AriDouble() as pbx, listening(pbx) as ari:
            await pbx.babble(text)
            await holds(lambda: pbx.connections > 1)
            await asyncio.wait_for(ari.connected.wait(), PATIENCE_S)

    async def test_a_lost_connection_is_made_anew(self) -> None:
        async with AriDouble() as pbx:
            recovered: list[int] = []

            async def recover() -> None:
                recovered.append(pbx.connections)

            async with listening(pbx, on_connected=recover) as ari:
                await pbx.stop()
                await holds(lambda: not ari.connected.is_set())
                await pbx.start()
                await asyncio.wait_for(ari.connected.wait(), PATIENCE_S)
                assert recovered == [1, 2]

    async def test_a_recovery_that_fails_is_not_the_end(self) -> None:
        async def recover() -> None:
            raise WireError("no")

        async with AriDouble() as pbx, listening(pbx, on_connected=recover):
            assert pbx.connections == 1

    async def test_another_program_with_our_application(self) -> None:
        async with AriDouble() as pbx, listening(pbx) as ari:
            with capture_logs() as logs:
                async with listening(pbx, AriTiming()):
                    await holds(lambda: [each for each in logs if "another program" in str(each.get("problem"))])
            assert ari.app == "offhook"

    async def test_a_refused_user_is_told_once_and_tried_again_later(self) -> None:
        pauses: list[float] = []
        stop = asyncio.Event()

        async def sleep(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 3:
                stop.set()
                await asyncio.Event().wait()

        async with AriDouble() as pbx:
            ari = Ari(account(pbx, "wrong"), sleep=sleep, jitter=lambda: 0.0)
            with capture_logs() as logs:
                running = asyncio.create_task(ari.run())
                await asyncio.wait_for(stop.wait(), PATIENCE_S)
                running.cancel()
                await asyncio.wait([running])
            await ari.close()
            assert pauses == [60.0] * 3
            assert [each["event"] for each in logs] == ["Asterisk's REST interface cannot be used; calls go on"]

    async def test_pauses_grow_while_nobody_is_there(self) -> None:
        pauses: list[float] = []
        stop = asyncio.Event()

        async def sleep(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 7:
                stop.set()
                await asyncio.Event().wait()

        async with AriDouble() as pbx:
            pass
        ari = Ari(account(pbx), sleep=sleep, jitter=lambda: 0.0)
        running = asyncio.create_task(ari.run())
        await asyncio.wait_for(stop.wait(), PATIENCE_S)
        running.cancel()
        await asyncio.wait([running])
        await ari.close()
        assert pauses == [0.5, 1, 2, 4, 8, 10, 10]
