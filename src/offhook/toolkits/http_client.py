"""One pool of connections for all HTTP tools: nothing is followed to another server, nothing is read without end."""

import aiohttp
from yarl import URL

from offhook.errors import WireError
from offhook.toolkits.http_answer import HttpAnswer
from offhook.toolkits.http_template import HttpRequest

__all__ = ["HttpClient"]

_MOST_BYTES = 1 << 20
_REDIRECTS = 3
_KEEP_S = 60.0
_HEADERS = {
    "Accept": "application/json, text/plain;q=0.9, */*;q=0.1",
    # A small compressed answer may be a huge one.
    "Accept-Encoding": "identity",
    "User-Agent": "offhook",
}


class HttpClient:
    """Asks. Opened by its first use; close it at the end."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, request: HttpRequest) -> HttpAnswer:
        """The answer, whatever its status. Raises aiohttp.ClientError, and WireError for answers that are not read.

        Sets no limit of time."""
        url = request.url
        for _ in range(_REDIRECTS + 1):
            async with self._pool().request(
                request.method, url, headers=request.headers, data=request.body or None, allow_redirects=False
            ) as response:
                onward = _onward(request.method, response)
                if onward is None:
                    return await _read(response)
            url = onward
        raise WireError("it redirects without end")

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(keepalive_timeout=_KEEP_S),
                timeout=aiohttp.ClientTimeout(total=None),
                # One caller's cookies are none of the next one's.
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                headers=_HEADERS,
            )
        return self._session


def _onward(method: str, response: aiohttp.ClientResponse) -> URL | None:
    """Where else to ask; None if this is the answer."""
    location = response.headers.get("Location")
    if response.status not in (301, 302, 303, 307, 308) or location is None:
        return None
    try:
        target = response.url.join(URL(location))
        same = target.origin() == response.url.origin()
    except ValueError as error:
        raise WireError("it redirects to what is no address") from error
    if not same:
        raise WireError("it redirects to another server")
    if method != "GET" and response.status not in (307, 308):
        raise WireError("it redirects a request that changes something")
    return target


async def _read(response: aiohttp.ClientResponse) -> HttpAnswer:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise WireError("its answer is compressed, which was not asked for")
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > _MOST_BYTES:
            response.close()
            raise WireError(f"its answer is longer than {_MOST_BYTES} bytes")
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return HttpAnswer(response.status, kind, bytes(body))
