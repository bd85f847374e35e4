import logging

import aiohttp
import pytest
from aiohttp import web

from offhook.simulator.clouds.serving import serving


async def test_a_client_that_goes_in_the_middle_is_no_error_of_the_double(caplog: pytest.LogCaptureFixture) -> None:
    async def gone(request: web.Request) -> web.StreamResponse:
        raise aiohttp.ClientConnectionResetError("Cannot write to closing transport")

    caplog.set_level(logging.ERROR)
    app = web.Application()
    app.router.add_get("/", gone)
    async with serving(app) as url, aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == 200
    assert not caplog.records
