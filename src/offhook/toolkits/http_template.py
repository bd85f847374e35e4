"""Makes a request out of a tool's settings, the model's arguments and what is known of the call. No I/O.

Arguments can change neither the server nor the structure of the path: each stays the one segment, or the part of one,
or the one value that it was written as.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson
from yarl import URL

from offhook.calls.tools.base import ToolContext
from offhook.config import HttpToolSettings
from offhook.config.templates import Part, Place, parts_of
from offhook.errors import ToolError
from offhook.toolkits.secrets import Secrets

__all__ = ["HttpRequest", "HttpTemplate"]

_KEPT = "/?:@!$&'()*+,;=%~[]"
"""What may stand in a written address and is not to be encoded again."""
_ABSENT = object()
_Look = Callable[[Place], Any]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it is sent; `body` is JSON, or empty for none."""

    method: str
    url: URL
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def repeatable(self) -> bool:
        """Whether asking twice is the same as asking once."""
        return self.method in ("GET", "PUT", "DELETE")


class HttpTemplate:
    """The request of one tool, with its places. Raises KeyError for a name in the environment that is not set."""

    def __init__(self, settings: HttpToolSettings, secrets: Secrets):
        origin, path, query = _split(settings.address)
        self._origin = str(URL(origin).origin())
        self._path, self._query = parts_of(path), parts_of(query)
        self._settings = settings
        self._secrets = secrets

    def filled(self, arguments: Mapping[str, Any], context: ToolContext) -> HttpRequest:
        """The request for these arguments in this call. Raises ToolError for an argument that cannot be sent."""

        def look(place: Place) -> Any:
            match place.source:
                case "argument":
                    return arguments.get(place.name, _ABSENT)
                case "call":
                    return _fact(context, place.name)
                case "env":
                    return self._secrets.of(place)

        body = _filled_value(self._settings.body, look)
        headers = dict(_headers(self._settings.headers, look))
        written = orjson.dumps(body) if self._settings.body else b""
        return HttpRequest(self._settings.method, URL(self._url(look), encoded=True), headers, written)

    def _url(self, look: _Look) -> str:
        path = "".join(_in_path(part, look) for part in self._path)
        if any(segment in (".", "..") for segment in path.split("/")):
            raise ToolError("an argument must not be dots alone")
        pairs = [_encoded(part, look) for part in self._query]
        more = [
            f"{_quoted(name)}={_quoted(text)}"
            for name, value in self._settings.query.items()
            for text in _query_texts(value, look)
        ]
        query = "&".join(filter(None, ("".join(pairs), *more)))
        return f"{self._origin}{path or '/'}" + (f"?{query}" if query else "")


def _split(url: str) -> tuple[str, str, str]:
    """The address in three: up to the host, the path, and the query without its question mark."""
    address, _, query = url.partition("?")
    scheme, _, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host}", slash + path, query


def _fact(context: ToolContext, name: str) -> Any:
    if name.startswith("variables."):
        return context.variables.get(name.partition(".")[2], _ABSENT)
    return {
        "id": context.call_id,
        "caller_number": context.caller_number,
        "called_number": context.called_number,
    }[name]


def _in_path(part: Part, look: _Look) -> str:
    text = _encoded(part, look)
    if not text:
        raise ToolError(f"{part} is not known" if _is_fact(part) else f"{str(part)[1:-1]} must not be empty")
    return text


def _is_fact(part: Part) -> bool:
    return isinstance(part, Place) and part.source == "call"


def _encoded(part: Part, look: _Look) -> str:
    return _quoted(_text(look(part))) if isinstance(part, Place) else quote(part, safe=_KEPT)


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="replace")


def _text(value: Any) -> str:
    """A value inside a text: as JSON writes it, but for texts, and nothing for what is not there."""
    if value is _ABSENT or value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _filled_text(text: str, look: _Look) -> str:
    return "".join(_text(look(part)) if isinstance(part, Place) else part for part in parts_of(text))


def _whole(value: Any) -> Place | None:
    """The place that a text consists of, if it is one and nothing else."""
    parts = parts_of(value) if isinstance(value, str) else ()
    return parts[0] if len(parts) == 1 and isinstance(parts[0], Place) else None


def _query_texts(value: Any, look: _Look) -> Iterator[str]:
    """None where an argument was left out, and one for each item of a list."""
    if (place := _whole(value)) is not None:
        found = look(place)
        if found is _ABSENT or found is None:
            return
        yield from map(_text, found if isinstance(found, list) else [found])
    else:
        yield _filled_text(value, look) if isinstance(value, str) else _text(value)


def _headers(headers: Mapping[str, str], look: _Look) -> Iterator[tuple[str, str]]:
    for name, value in headers.items():
        text = _filled_text(value, look)
        if any(ord(char) < 32 or ord(char) == 127 for char in text):
            raise ToolError("an argument must not have line breaks")
        yield name, text


def _filled_value(value: Any, look: _Look) -> Any:
    """A value of the body. A text that is one place keeps the type of what fills it; if nothing does it is left out."""
    if (place := _whole(value)) is not None:
        return look(place)
    if isinstance(value, str):
        return _filled_text(value, look)
    if isinstance(value, dict):
        filled = {name: _filled_value(each, look) for name, each in value.items()}
        return {name: each for name, each in filled.items() if each is not _ABSENT}
    if isinstance(value, list):
        return [each for each in (_filled_value(each, look) for each in value) if each is not _ABSENT]
    return value
