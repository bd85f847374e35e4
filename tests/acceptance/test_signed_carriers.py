"""The server as Vobiz, Plivo and Twilio meet it: their doubles call a real `offhook serve`, signed, over HTTP."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from offhook.simulator.clouds.media_stream import CARRIERS, Account, Carrier, CarrierCloud, CloudCall, Variants
from tests.acceptance.running import RunningServer, running_server

PUBLIC = "https://agent.example.com"
ACCOUNT = Account("MA_0123456789", "token-0123456789")
WITHIN_S = 60
AS_DOCUMENTED = Variants()
AT_THEIR_WORST = Variants(
    flat_start=True,
    media_first=3,
    stops=True,
    unknown_events=True,
    text_numbers=True,
    rate_in_encoding=True,
    duplicates=True,
    disorder=True,
    credentials=True,
    hangup_at_answer=True,
)


def settings(folder: Path) -> str:
    keys = {f"{carrier.upper()}_AUTH_TOKEN": ACCOUNT.token for carrier in CARRIERS}
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in keys.items()))
    required = "".join(f'[{carrier}]\nsignatures = "required"\n' for carrier in CARRIERS)
    return f'[server]\npublic_url = "{PUBLIC}"\n{required}[agents.echo]\nengine = "loopback"\n'


async def phoned(server: RunningServer, carrier: Carrier, variants: Variants, account: Account = ACCOUNT) -> CloudCall:
    """Somebody calls by this carrier, listens to an echo, and hangs up."""
    reach = {PUBLIC: f"http://127.0.0.1:{server.http_port}"}
    own = f"{PUBLIC}/{carrier}"
    async with (
        asyncio.timeout(WITHIN_S),
        CarrierCloud(carrier, account=account, reach=reach, variants=variants) as cloud,
    ):
        call = cloud.phone_in(f"{own}/answer", hangup_url=f"{own}/hangup", status_url=f"{own}/status")
        while not call.ended.is_set() and not any(stream.queued for stream in call.phone.streams):
            await call.clock.sleep(0.02)
        if not call.ended.is_set():
            await call.hang_up()
        return call


@pytest.mark.parametrize("variants", [AS_DOCUMENTED, AT_THEIR_WORST], ids=["as documented", "at their worst"])
async def test_a_call_by_each_carrier(tmp_path: Path, variants: Variants) -> None:
    with running_server(tmp_path, settings(tmp_path)) as server:
        calls = {carrier: await phoned(server, carrier, variants) for carrier in CARRIERS}
        assert server.stop() == 0
    assert {carrier: call.violations for carrier, call in calls.items()} == {carrier: [] for carrier in CARRIERS}
    records = {record["carrier"]: record for record in server.records()}
    for carrier, call in calls.items():
        assert records[carrier]["carrier_call_id"] == call.id
        assert records[carrier]["end_reason"] == "caller_hung_up"
        assert carrier == "twilio" or "4000" in records[carrier]["end_detail"]


async def test_whoever_does_not_know_the_token_of_the_account_is_not_answered(tmp_path: Path) -> None:
    with running_server(tmp_path, settings(tmp_path)) as server:
        call = await phoned(server, "vobiz", AS_DOCUMENTED, replace(ACCOUNT, token="another-token"))
        assert server.stop() == 0
    assert call.ending is not None
    assert (call.ending.code, call.phone.streams) == (7011, [])
    assert server.records() == []
    assert "vobiz.signatures" in server.output
    assert ACCOUNT.token not in server.output
