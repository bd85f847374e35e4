"""Reads flow and facts files. Whatever is wrong with one is told with its line and a remedy."""

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from offhook.errors import FlowError
from offhook.providers.llm.flow.checks import BUILT_IN_TOOLS, faults
from offhook.providers.llm.flow.facts import Facts
from offhook.providers.llm.flow.model import Flow
from offhook.toml_lines import line_of

__all__ = ["load_facts", "load_flow"]

_M = TypeVar("_M", bound=BaseModel)
_DATA = "offhook.providers.llm.flow"


def load_flow(path: Path | None = None, *, tools: Iterable[str] = ()) -> Flow:
    """The flow in the file at `path`, or the built-in receptionist.

    `tools` names the agent's own tools, besides the built-in ones. Raises FlowError."""
    file, text = _text(path, "receptionist.toml")
    flow = _made(Flow, file, text)
    known = {**BUILT_IN_TOOLS, **dict.fromkeys(tools)}
    for fault in faults(flow, known):
        raise FlowError(
            fault.problem,
            setting=_dotted(fault.path),
            file=file,
            line=line_of(text, fault.path),
            hint=fault.hint,
        )
    return flow


def load_facts(path: Path | None = None) -> Facts:
    """The facts in the file at `path`, or the built-in example. Raises FlowError."""
    file, text = _text(path, "facts.toml")
    return _made(Facts, file, text)


def _text(path: Path | None, built_in: str) -> tuple[Path, str]:
    if path is None:
        return Path(built_in), _built_in(built_in)
    try:
        return path, path.read_text(encoding="utf-8")
    except OSError as error:
        raise FlowError(
            f"cannot be read: {error.strerror}", file=path, hint="Check the path in your settings."
        ) from error
    except UnicodeDecodeError as error:
        raise FlowError("is not UTF-8 text", file=path, hint="Save it as UTF-8.") from error


@cache
def _built_in(name: str) -> str:
    return (files(_DATA) / "data" / name).read_text(encoding="utf-8")


def _made(model: type[_M], file: Path, text: str) -> _M:
    try:
        return model.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        line = _line_in(str(error)) or text.count("\n") + 1
        raise FlowError(
            f"is not TOML: {error}", file=file, line=line, hint="Look at this line and the one above."
        ) from error
    except ValidationError as error:
        raise _explained(error.errors()[0], file, text) from error


def _line_in(message: str) -> int | None:
    words = message.replace(",", " ").split()
    return int(words[words.index("line") + 1]) if "line" in words else None


def _explained(error: Any, file: Path, text: str) -> FlowError:
    path = tuple(error["loc"])
    problem, hint = _PROBLEMS.get(error["type"], ("", ""))
    if error["type"] == "literal_error":
        hint = f"It may be {error['ctx']['expected']}."
    return FlowError(
        problem or str(error["msg"]).removeprefix("Value error, "),
        setting=_dotted(path),
        file=file,
        line=line_of(text, path) or 1,
        hint=hint or "See docs/flows.md.",
    )


_PROBLEMS = {
    "extra_forbidden": ("this key is not known", "Check its spelling; docs/flows.md lists the keys."),
    "missing": ("is missing", "Add it; docs/flows.md says what it is for."),
    "tuple_type": ("must be a line or a list of lines", 'Write "..." or ["...", "..."].'),
    "too_short": ("must not be empty", "Write at least one line."),
    "string_type": ("must be text in quotes", 'Write "...".'),
}


def _dotted(path: tuple[str | int, ...]) -> str:
    return ".".join(str(part) for part in path)
