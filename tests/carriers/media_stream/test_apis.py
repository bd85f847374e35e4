import pytest

from offhook.carriers.media_stream.accounts import CARRIERS, Account
from offhook.carriers.media_stream.apis import open_api
from offhook.config import CarrierName


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_every_carrier_has_an_api(carrier: CarrierName) -> None:
    api = open_api(Account(carrier, "id", "token", "http://127.0.0.1:1"))
    assert api.carrier == carrier
    await api.close()
