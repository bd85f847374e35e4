"""Asking a carrier's REST API: one session a carrier, time limits, and errors in the carrier's own words."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
import structlog
from yarl import URL

from offhook.carriers.media_stream.accounts import Account
from offhook.errors import CarrierError

__all__ = ["CarrierRest", "Reply", "basic"]

log = structlog.get_logger(__name__)

_MOST_BYTES = 65_536
_MOST_WORDS = 300
_CONNECT_S = 5.0


@dataclass(frozen=True, slots=True)
class Reply:
    """A carrier's answer; `body` is empty unless it is a JSON object."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)

    def text(self, *names: str) -> str:
        """The first of these fields that is there, as text; a list gives its first item."""
        for name in names:
            value = self.body.get(name)
            value = value[0] if isinstance(value, list) and value else value
            if isinstance(value, str | int) and str(value):
                return str(value)
        return ""


def basic(account: Account) -> str:
    """HTTP's basic authorization of an account."""
    return f"Basic {b64encode(f'{account.id}:{account.token}'.encode()).decode()}"


class CarrierRest:
    """HTTP to one carrier's API. Redirects are not followed: they would take the credentials elsewhere."""

    def __init__(self, account: Account, headers: Mapping[str, str], *, timeout_s: float = 10.0):
        self.carrier = account.carrier
        self._account = account
        self._headers = {"User-Agent": "offhook", "Accept": "application/json", **headers}
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, connect=min(_CONNECT_S, timeout_s))
        self._session: aiohttp.ClientSession | None = None

    async def ask(
        self,
        method: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | list[tuple[str, str]] | None = None,
        again: bool = False,
        fine: tuple[int, ...] = (),
    ) -> Reply:
        """Ask for `path`, which is already escaped. Raises CarrierError, except for a status in `fine`.

        Once only, since most requests do something; `again` allows a second attempt where the first one failed
        without an answer or at the carrier's fault.
        """
        try:
            return await self._once(method, path, json, form, fine)
        except CarrierError as error:
            if not again or (error.status is not None and error.status < 500):
                raise
            log.info("asking a carrier once more", carrier=self.carrier, method=method, error=error.args[0])
        return await self._once(method, path, json, form, fine)

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _once(
        self,
        method: str,
        path: str,
        json: Mapping[str, Any] | None,
        form: Mapping[str, str] | list[tuple[str, str]] | None,
        fine: tuple[int, ...],
    ) -> Reply:
        url = URL(f"{self._account.api_url}{path}", encoded=True)
        data = orjson.dumps(json) if json is not None else form
        headers = {"Content-Type": "application/json"} if json is not None else {}
        try:
            request = self._open().request(method, url, data=data, headers=headers, allow_redirects=False)
            async with request as response:
                reply, words = _read(response.status, await _some(response))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise self._failure(f"{url.host} cannot be reached ({_cause(error)})", hint=self._hint(None)) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._failure(f"no answer from {url.host} ({_cause(error)})", unknown=True) from error
        if reply.status in fine or 200 <= reply.status < 300:
            return reply
        raise self._refusal(reply, words)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            # A kept connection that the carrier has closed would make the outcome of a request unknown.
            connector = aiohttp.TCPConnector(force_close=True)
            self._session = aiohttp.ClientSession(connector=connector, headers=self._headers, timeout=self._timeout)
        return self._session

    def _refusal(self, reply: Reply, words: str) -> CarrierError:
        said = f"refused ({reply.status})" if reply.status < 500 else f"failed ({reply.status})"
        return self._failure(
            f"{said}: {words}" if words else said,
            status=reply.status,
            hint=self._hint(reply.status),
            unknown=reply.status >= 500,
        )

    def _failure(
        self, problem: str, *, status: int | None = None, hint: str = "", unknown: bool = False
    ) -> CarrierError:
        clean = problem.replace(self._account.token, "***")
        return CarrierError(clean, carrier=self.carrier, status=status, hint=hint, unknown=unknown)

    def _hint(self, status: int | None) -> str:
        id_name, token_name = self._account.key_names
        hints = {
            None: f"Check the network, and {self.carrier}.api_url if it is set.",
            401: f"Check {id_name} and {token_name}.",
            402: "The account has no credit left; top it up in the carrier's console.",
            403: "The account may not do this; see its verified numbers and countries in the carrier's console.",
            429: "The account's limit of calls is reached; wait a moment, or have it raised.",
        }
        return hints.get(status, "")


async def _some(response: aiohttp.ClientResponse) -> bytes:
    body = b""
    async for part in response.content.iter_any():
        body += part
        if len(body) >= _MOST_BYTES:
            break
    return body[:_MOST_BYTES]


def _read(status: int, body: bytes) -> tuple[Reply, str]:
    """The answer, and the words in it that tell what was wrong."""
    try:
        tree = orjson.loads(body)
    except orjson.JSONDecodeError:
        text = body.decode(errors="replace").strip()
        return Reply(status), "" if text.startswith("<") else _line(text)
    if not isinstance(tree, dict):
        return Reply(status), ""
    return Reply(status, tree), _line(_words(tree))


def _words(tree: Mapping[str, Any]) -> str:
    error = tree.get("error", tree)
    if not isinstance(error, dict):
        parts = [error, tree.get("details")]
    else:
        parts = [error.get("message"), error.get("details"), error.get("code")]
    return ", ".join(part if isinstance(part, str) else orjson.dumps(part).decode() for part in parts if part)


def _line(text: str) -> str:
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= _MOST_WORDS else f"{line[:_MOST_WORDS]}…"


def _cause(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.strerror or type(error.os_error).__name__
    return "time limit" if isinstance(error, TimeoutError) else type(error).__name__
