"""Whether a server of OpenAI's Realtime API can be reached and takes the key: what it says first."""

from offhook.errors import ProviderError, WireError
from offhook.providers.http import ApiServer
from offhook.providers.openai_events import Failure, read_event
from offhook.providers.sockets import Query, ended

__all__ = ["check_greeting"]

_KEY_REFUSED = "invalid_api_key"


async def check_greeting(server: ApiServer, path: str, query: Query) -> None:
    """Open a connection, hear what it says first, and leave. Raises ProviderError."""
    ws = await server.websocket(path, query)
    try:
        message = await server.in_time(ws.receive())
    finally:
        await ws.close()
    if not isinstance(message.data, str | bytes):
        reason = str(message.extra or "")
        raise _key_refused(server, reason) if _KEY_REFUSED in reason else ended(server, ws.close_code, reason)
    _check(server, message.data)


def _check(server: ApiServer, message: str | bytes) -> None:
    try:
        event = read_event(message)
        failure = Failure.of(event) if event["type"] == "error" else None
    except WireError as error:
        raise server.failure(str(error)) from error
    if failure and failure.code == _KEY_REFUSED:
        raise _key_refused(server, failure.text)
    if failure:
        raise server.failure(failure.text, retryable=failure.retryable)


def _key_refused(server: ApiServer, text: str) -> ProviderError:
    # The handshake takes any key; what the service says behind it is what others say by a status.
    return server.failure(text, status=401, retryable=False)
