from offhook.carriers.media_stream.accounts import Account
from offhook.carriers.media_stream.api_plivo import plivo_api
from tests.carriers.media_stream.carrier_fake import CarrierFake
from tests.carriers.media_stream.orders import ORDER


async def test_a_call_is_placed_with_basic_authorization() -> None:
    fake = CarrierFake((201, {"api_id": "a", "message": "call fired", "request_uuid": "u-1"}), (204, b""))
    async with fake.serve() as url:
        api = plivo_api(Account("plivo", "MA2", "token-p", f"{url}/v1"))
        assert await api.dial(ORDER) == "u-1"
        await api.hang_up("u-1")
        await api.close()
    assert [(asked.method, asked.path) for asked in fake.asked] == [
        ("POST", "/v1/Account/MA2/Call/"),
        ("DELETE", "/v1/Account/MA2/Call/u-1/"),
    ]
    assert fake.asked[0].headers["Authorization"] == "Basic TUEyOnRva2VuLXA="
    assert "X-Auth-Token" not in fake.asked[0].headers
    assert api.carrier == "plivo"
