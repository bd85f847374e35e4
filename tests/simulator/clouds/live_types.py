"""OpenAI's own types of Live events as judges: every event is validated, and may have no field they do not know."""

from collections.abc import Iterable, Mapping
from typing import Any, get_args

from openai.types.live import ClientEvent, ServerEvent
from pydantic import BaseModel

__all__ = ["client_events", "server_events"]


def client_events(messages: Iterable[Mapping[str, Any]]) -> list[Any]:
    """What a client sent."""
    return [_judged(ClientEvent, message) for message in messages]


def server_events(messages: Iterable[Mapping[str, Any]]) -> list[Any]:
    """What a server sent."""
    return [_judged(ServerEvent, message) for message in messages]


def _judged(union: Any, message: Mapping[str, Any]) -> Any:
    [model] = [each for each in _members(union) if message["type"] in get_args(each.model_fields["type"].annotation)]
    event = model.model_validate(message)
    _no_extras(event)
    return event


def _members(union: Any) -> tuple[Any, ...]:
    return get_args(get_args(union)[0])


def _no_extras(value: object) -> None:
    if isinstance(value, BaseModel):
        assert not value.model_extra, (type(value), value.model_extra)
        for name in type(value).model_fields:
            _no_extras(getattr(value, name))
    elif isinstance(value, list):
        for each in value:
            _no_extras(each)
