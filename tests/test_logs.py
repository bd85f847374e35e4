import asyncio
import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from offhook.config import Settings
from offhook.logs import call_context, configure_logs, secrets_in

SECRET = "sk-1234567890abcdef"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave the process's logging as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def logs(**server: str) -> io.StringIO:
    """Logging into a string, with a secret in the settings."""
    stream = io.StringIO()
    configure_logs(Settings.model_validate({"server": server, "keys": {"openai_api_key": SECRET}}), stream)
    return stream


def test_text_lines() -> None:
    stream = logs()
    structlog.get_logger().info("call answered", carrier="audiosocket", said="good day", empty="")
    stamp, _, rest = stream.getvalue().partition(" ")
    assert stamp.endswith("Z")
    assert rest == "info    call answered  carrier=audiosocket said='good day' empty=''\n"


def test_json_lines() -> None:
    stream = logs(log_format="json")
    structlog.get_logger().warning("slow", took_ms=12)
    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"], line["took_ms"]) == ("slow", "warning", 12)


def test_level() -> None:
    stream = logs(log_level="warning")
    structlog.get_logger().info("quiet")
    logging.getLogger("other").info("quiet")
    logging.getLogger("other").error("loud %d", 1)
    assert stream.getvalue().endswith("error   loud 1\n")
    assert stream.getvalue().count("\n") == 1


async def test_lines_of_a_call_carry_its_id_also_from_its_tasks() -> None:
    stream = logs()

    async def work() -> None:
        structlog.get_logger().info("inner")

    with call_context("c-1"):
        await asyncio.create_task(work())
    structlog.get_logger().info("outer")
    inner, outer = stream.getvalue().splitlines()
    assert inner.endswith("inner  call_id=c-1")
    assert outer.endswith("outer")


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_secrets_are_struck_out(log_format: str) -> None:
    stream = logs(log_format=log_format)
    log = structlog.get_logger()
    log.info(f"connecting with {SECRET}", api_key="other", authorization="Bearer x", monkey="seen", url=f"?k={SECRET}")
    logging.getLogger("aiohttp").error("header %s", SECRET)
    try:
        int(SECRET)
    except ValueError:
        log.exception("failed")
    text = stream.getvalue()
    assert SECRET not in text
    assert "Bearer" not in text
    assert "other" not in text
    assert "seen" in text
    assert "ValueError" in text


def test_configuring_again_replaces() -> None:
    first, second = logs(), logs()
    structlog.get_logger().info("once")
    assert first.getvalue() == ""
    assert second.getvalue().count("once") == 1


def test_secrets_of_providers_are_found() -> None:
    llm = {"base_url": "http://x", "model": "m", "api_key": SECRET}
    assert secrets_in(Settings.model_validate({"llm": {"openai": llm}})) == {SECRET}
