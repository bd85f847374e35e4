"""Settings of tools: what an agent can do besides talking."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from offhook.config.base import Section, WebAddress, wrong
from offhook.config.templates import Place, parts_of, places_in

__all__ = [
    "BUILTIN_TOOLS",
    "REPLACEABLE_TOOLS",
    "USUAL_TOOLS",
    "HttpToolSettings",
    "McpSettings",
    "ToolTable",
    "env_names",
    "secret_names",
]

USUAL_TOOLS = (
    "take_message",
    "check_availability",
    "book_appointment",
    "transfer_call",
    "hold",
    "switch_language",
    "end_call",
)
"""Names of the built-in tools that an agent has if nothing else is set."""

BUILTIN_TOOLS = (*USUAL_TOOLS, "send_dtmf")
"""Names of all the tools that come with the house."""

REPLACEABLE_TOOLS = ("take_message", "check_availability", "book_appointment")
"""Those in whose place a table of the same name stands. The others do something to the call itself."""

_TYPES = ("string", "integer", "number", "boolean", "array", "object")
_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "x-api-key", "api-key", "cookie"})
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_BASE = re.compile(r"https?://[^\s{}?#@]+")
_SECRETS = "what the names in {env.…} hold in the environment or in .env"
_BARGE_IN = "when the caller interrupts: keep it running, or cancel it"


class HttpToolSettings(Section):
    """A tool that asks an HTTP server, for example one of your own."""

    description: str = Field(
        ...,
        min_length=1,
        description="what it does and when to use it, for the language model",
        examples=["Look up when we are open."],
    )
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = Field("GET", description="GET, POST, PUT, PATCH, DELETE")
    url: str = Field(
        ...,
        pattern=r"^(https?://|\{env\.)\S+$",
        description="its address, with places such as {argument}, {call.caller_number} or {env.NAME}",
        examples=["https://crm.example/hours"],
    )
    parameters: dict[str, Any] = Field(
        {}, description="what the model gives: a table for each argument, or a JSON schema"
    )
    query: dict[str, str | int | float | bool] = Field({}, description="further parameters of the address")
    headers: dict[str, str] = Field({}, description="headers, whose secrets are written {env.NAME}")
    body: dict[str, Any] = Field({}, description="JSON to send, with the same places as the address")
    timeout_s: float = Field(5.0, gt=0, le=60, description="longest wait for the answer, with all attempts")
    on_failure: str = Field("", description="what the model is told when it fails; a few general words if not set")
    filler: str | None = Field(
        None,
        description="said while it takes long; the agent's own line if not set, nothing if empty",
        examples=["Let me look that up."],
    )
    on_barge_in: Literal["keep", "cancel"] = Field("keep", description=_BARGE_IN)
    result: str = Field(
        "", pattern=r"^(/.*)?$", description="JSON pointer, such as /data/0, to the part that the model gets"
    )
    max_result_bytes: int = Field(8_192, ge=100, le=16_000, description="a larger answer is a failure")
    secrets: dict[str, SecretStr] = Field({}, description=_SECRETS)

    @property
    def arguments_schema(self) -> dict[str, Any]:
        """What the model gives, as a JSON schema."""
        if self.parameters.get("type") == "object":
            return self.parameters
        properties = {
            name: {key: value for key, value in table.items() if key != "required"}
            for name, table in self.parameters.items()
        }
        required = [name for name, table in self.parameters.items() if table.get("required", False)]
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}

    @property
    def shown_host(self) -> str:
        """Where it asks, as messages may show it."""
        base = _base_of(self.url)
        return str(base) if base else urlsplit(self.url).netloc

    @property
    def address(self) -> str:
        """Its address; a place of the environment that it begins with is filled in. Raises KeyError if that is not
        set."""
        base = _base_of(self.url)
        return self.url if base is None else self._base(base).rstrip("/") + self.url.partition("}")[2]

    def _base(self, place: Place) -> str:
        known = self.secrets[place.name].get_secret_value() if place.name in self.secrets else place.default
        if known is None:
            raise KeyError(place.name)
        return known

    @model_validator(mode="after")
    def _is_whole(self) -> "HttpToolSettings":
        self._check_address()
        _check_parameters(self.parameters)
        schema = self.arguments_schema
        for key in ("url", "query", "headers", "body"):
            for place in _places(getattr(self, key), key):
                _check_place(place, schema, key)
        _check_path(self.url, schema)
        _check_headers(self.headers)
        if self.body and self.method in ("GET", "DELETE"):
            raise wrong(f"a {self.method} has no body", "body")
        return self

    def _check_address(self) -> None:
        """No argument may lead to another server, and what the environment says must be an address."""
        place = _base_of(self.url)
        if place is None:
            return _check_host(self.url)
        try:
            base = self._base(place)
        except KeyError:
            # That it is missing is told when an agent uses the tool.
            base = "http://unset.invalid"
        rest = self.url.partition("}")[2]
        if not _BASE.fullmatch(base) or rest[:1] not in ("", "/", "?"):
            raise wrong(f"{place} is not an address such as https://crm.example, with a / after it", "url")
        return _check_host(base + rest)


class McpSettings(Section):
    """A server of the Model Context Protocol, whose tools agents get: a program to run, or an address."""

    command: str | None = Field(None, min_length=1, description="program to run and talk to", examples=["uvx"])
    args: tuple[str, ...] = Field((), description="its arguments")
    env: tuple[str, ...] = Field((), description="names in the environment or in .env that it is given, such as a key")
    cwd: Path | None = Field(None, description="folder to run it in; that of the server if not set", examples=["."])
    url: WebAddress = Field("", description="instead of command: address of a streamable HTTP server")
    headers: dict[str, str] = Field({}, description="url: headers, whose secrets are written {env.NAME}")
    tools: tuple[str, ...] = Field((), description="those of its tools that agents get; all if not set")
    timeout_s: float = Field(10.0, gt=0, le=60, description="longest wait for the answer of a tool")
    on_barge_in: Literal["keep", "cancel"] = Field("keep", description=_BARGE_IN)
    secrets: dict[str, SecretStr] = Field({}, description=_SECRETS.replace("{env.…}", "env and {env.…}"))

    @model_validator(mode="after")
    def _is_one_of_two(self) -> "McpSettings":
        if bool(self.command) == bool(self.url):
            raise wrong("it needs a command or a url, and not both", "url" if self.url else "command")
        for place in _places(self.headers, "headers"):
            if place.source != "env":
                raise wrong(f"{place} is not known between calls; only {{env.NAME}} is", "headers")
        _check_headers(self.headers)
        return self


ToolTable = HttpToolSettings | McpSettings


def secret_names(table: Mapping[str, Any]) -> set[str]:
    """The names in the environment that a table of either kind, not judged yet, wants to know."""
    names = {name for name in _listed(table.get("env")) if isinstance(name, str)}
    for key in ("url", "query", "headers", "body"):
        try:
            names |= {place.name for place in places_in(table.get(key)) if place.source == "env"}
        except ValueError:
            # What is wrong with it is told when the table is judged.
            continue
    return names


def env_names(table: ToolTable) -> set[str]:
    """The names in the environment that a table cannot do without."""
    written = table.model_dump(include={"url", "query", "headers", "body"})
    needed = {place.name for place in places_in(written) if place.source == "env" and place.default is None}
    return needed | set(table.env if isinstance(table, McpSettings) else ())


def _base_of(url: str) -> Place | None:
    """The place that an address begins with."""
    try:
        first = next(iter(parts_of(url)))
    except ValueError:
        return None
    return first if isinstance(first, Place) else None


def _listed(value: Any) -> Iterator[Any]:
    yield from value if isinstance(value, list | tuple) else ()


def _check_host(url: str) -> None:
    """No argument may lead to another server."""
    try:
        parts = urlsplit(url)
        wrong_host = not parts.hostname or parts.port == 0 or bool(set("{}@") & set(parts.netloc))
    except ValueError:
        wrong_host = True
    if wrong_host or "#" in url:
        raise wrong("its host is not a plain name or number, which it must be; nor may there be a #", "url")


def _check_parameters(parameters: Mapping[str, Any]) -> None:
    whole = parameters.get("type") == "object"
    tables = parameters.get("properties", {}) if whole else parameters
    if not isinstance(tables, Mapping):
        raise wrong("properties is not a table", "parameters")
    for name, table in tables.items():
        if not isinstance(table, Mapping):
            raise wrong(f'"{name}" is not a table, such as {{ type = "string", required = true }}', "parameters")
        if "type" in table and not _known_type(table["type"]):
            raise wrong(f'the type of "{name}" is none of {", ".join(_TYPES)}', "parameters")
        if not whole and not isinstance(table.get("required", False), bool):
            raise wrong(f'required of "{name}" is not true or false', "parameters")


def _known_type(kind: Any) -> bool:
    return all(each in (*_TYPES, "null") for each in (kind if isinstance(kind, list) else [kind]))


def _places(value: Any, key: str) -> list[Place]:
    try:
        return list(places_in(value))
    except ValueError as error:
        raise wrong(str(error), key) from error


def _check_place(place: Place, schema: Mapping[str, Any], key: str) -> None:
    properties = schema.get("properties", {})
    if place.source == "argument" and place.name not in properties:
        known = ", ".join(properties) or "none"
        raise wrong(f'"{place}" is none of its parameters; there are: {known}', key)


def _check_path(url: str, schema: Mapping[str, Any]) -> None:
    """What is left out of a path would lead to another place of the server."""
    path = url.partition("?")[0]
    for part in parts_of(path):
        if isinstance(part, Place) and part.source == "argument" and part.name not in schema.get("required", ()):
            raise wrong(f'"{part}" is in the path, so it must be required = true', "parameters")


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not value.isprintable():
            raise wrong("it is not a header", "headers", name)
        given = [place for place in places_in(value) if place.source == "env" and not place.default]
        if name.lower() in _SECRET_HEADERS and not given:
            raise wrong("secrets do not go in this file; write {env.NAME}, and NAME=… into .env", "headers", name)
