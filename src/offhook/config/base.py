"""What every section of the settings is made of."""

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

__all__ = ["Network", "Port", "Section", "TableName", "ToolName", "WebAddress", "lower", "wrong"]

Port = Annotated[int, Field(ge=0, le=65535)]
Network = IPv4Network | IPv6Network
TableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$")]
ToolName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""What language models take for the name of a tool."""
WebAddress = Annotated[str, StringConstraints(pattern=r"^(https?://[^\s]+)?$")]


class Section(BaseModel):
    """A table of settings: what it does not know is an error, and nothing changes it."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def lower(value: Any) -> Any:
    """Texts in small letters, anything else as it is."""
    return value.lower() if isinstance(value, str) else value


def wrong(problem: str, *keys: str | int) -> PydanticCustomError:
    """An error of a whole section that is to be shown at the line of one of its keys."""
    return PydanticCustomError("setting", "{problem}", {"problem": problem, "keys": keys})
