import asyncio

import pytest

from offhook.config import Settings
from offhook.errors import ConfigError
from offhook.server import dialling as module
from offhook.server.dialling import dialling, open_apis
from tests.carriers.media_stream.carrier_fake import CarrierFake


async def test_a_dialler_for_every_account_that_hangs_up_at_the_end() -> None:
    fake = CarrierFake((201, {"request_uuid": "u-1"}), (204, b""))
    async with fake.serve() as url:
        settings = Settings.model_validate(
            {
                "keys": {"vobiz_auth_id": "MA_1", "vobiz_auth_token": "token", "from_number": "+15550199"},
                "vobiz": {"api_url": f"{url}/api/v1"},
            }
        )
        async with open_apis(settings) as apis, dialling(settings, apis, lambda: "https://x.example") as dialler:
            call = await dialler.dial("+15550100")
            with pytest.raises(ConfigError, match="no account at plivo"):
                await dialler.dial("+15550100", carrier="plivo")
    assert [asked.method for asked in fake.asked] == ["POST", "DELETE"]
    assert call.carrier_call_id == "u-1"


async def test_time_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SWEEP_S", 0.001)
    async with dialling(Settings(), {}, lambda: "") as dialler:
        swept = asyncio.Event()
        monkeypatch.setattr(dialler, "sweep", swept.set)
        await asyncio.wait_for(swept.wait(), 10)
