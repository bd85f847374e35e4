"""The agent of the example: its code, its settings and its conversation, beside the company's real system."""

import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from structlog.testing import capture_logs
from yarl import URL

from offhook.calls.tools.base import Tool, ToolContext
from offhook.calls.tools.runner import ToolRunner
from offhook.config_files import load_settings
from offhook.providers.llm.base import ToolCall
from offhook.server.business import Business, business_of
from offhook.server.toolbox import Toolbox
from tests.providers.llm.flow.conftest import Line

EXAMPLE = Path(__file__).parents[3] / "examples" / "home-services"
KEY = "key-of-the-company"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@asynccontextmanager
async def opened(folder: Path, **environ: str) -> AsyncIterator[tuple[str, Business]]:
    """The example, as a server opens it: the address of the company's system, and the agent."""
    url = f"http://127.0.0.1:{free_port()}"
    known = {"BACKEND_API_URL": url, "OFFHOOK_SERVER__DATA_DIR": str(folder), "BACKEND_API_KEY": KEY, **environ}
    settings = load_settings(EXAMPLE / "offhook.toml", environ=known)
    toolbox = Toolbox(settings)
    try:
        agent = settings.agents["reception"]
        yield known["BACKEND_API_URL"], business_of(agent, await toolbox.tools(agent))
    finally:
        await toolbox.close()


async def everything(url: str, key: str = KEY) -> dict[str, list[dict[str, Any]]]:
    async with (
        ClientSession(headers={"Authorization": f"Bearer {key}"}) as session,
        session.get(f"{url}/everything") as it,
    ):
        assert it.status == 200
        told: dict[str, list[dict[str, Any]]] = await it.json()
        return told


def runner(tools: Iterable[Tool], folder: Path, number: str = "+15550142") -> ToolRunner:
    return ToolRunner(tuple(tools), ToolContext("call-1", number, folder, datetime.now, tool_call_id="tool-1"))


def sms(message: str, call_id: str = "tool-1", **more: str) -> ToolCall:
    return ToolCall(call_id, "send_sms", {"message": message, **more})


async def test_the_tools_that_it_has(tmp_path: Path) -> None:
    async with opened(tmp_path) as (_, business):
        names = [tool.spec.name for tool in business.tools]
        assert len(set(names)) == len(names)
        assert set(names) == {
            "lookup_customer",
            "get_caller_history",
            "check_availability",
            "book_appointment",
            "create_lead",
            "send_sms",
            "take_message",
            "transfer_call",
            "hold",
            "end_call",
        }
        assert business.agent.greeting == "Hello, this is Brook Home Services. How can I help you?"


async def test_text_messages(tmp_path: Path) -> None:
    async with opened(tmp_path) as (url, business):
        runs = runner(business.tools, tmp_path)
        assert (await runs.run(sms("Reference V-1."))).text == '{"status":"queued","reference":"T-1"}'
        elsewhere = await runs.run(sms("Reference V-2.", "tool-2", phone_number="555 0199"))
        assert elsewhere.text == '{"status":"queued","reference":"T-2"}'
        assert "161 characters, and 160 is the most" in (await runs.run(sms("x" * 161, "tool-3"))).error
        assert "five to fifteen digits" in (await runs.run(sms("Hello", "tool-4", phone_number="none"))).error
        unknown = await runner(business.tools, tmp_path, "").run(sms("Hello", "tool-5"))
        assert "the caller's number is not known" in unknown.error
        kept = (await everything(url))["texts"]
        assert [(each["phone"], each["body"]) for each in kept] == [
            ("15550142", "Reference V-1."),
            ("5550199", "Reference V-2."),
        ]
        assert kept[0]["request"] == "call-1-tool-1"


async def test_when_the_company_s_system_is_not_there(tmp_path: Path) -> None:
    # An address of somewhere else, so that nothing is started here; nobody has that name.
    async with opened(tmp_path, BACKEND_API_URL="http://company.invalid:8081") as (_, business):
        runs = runner(business.tools, tmp_path)
        assert (await runs.run(sms("Hello"))).error == "text messages cannot be sent at the moment"
        looked = await runs.run(ToolCall("tool-2", "lookup_customer", {"phone_number": "5550142"}))
        assert looked.error.startswith("The customers cannot be seen at the moment.")


async def test_a_system_that_runs_already_is_used(tmp_path: Path) -> None:
    async with opened(tmp_path / "first") as (url, _):
        with capture_logs() as logs:
            async with opened(tmp_path / "second", BACKEND_API_URL=url) as (_, business):
                await runner(business.tools, tmp_path).run(sms("Hello"))
        assert "taken for the company's system" in logs[0]["event"]
        assert len((await everything(url))["texts"]) == 1


async def test_a_wrong_key_is_told_as_a_failure(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    async with (
        opened(tmp_path / "first", BACKEND_API_URL=url),
        opened(tmp_path / "second", BACKEND_API_URL=url, BACKEND_API_KEY="other-key") as (_, business),
    ):
        runs = runner(business.tools, tmp_path)
        assert "the key is missing or wrong" in (await runs.run(sms("Hello"))).error
        looked = await runs.run(ToolCall("tool-2", "lookup_customer", {"phone_number": "5550142"}))
        assert looked.error.startswith("The customers cannot be seen at the moment.")


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:8081", True),
        ("http://localhost:8081", True),
        ("http://[::1]:8081", True),
        ("http://10.0.0.1:8081", False),
        ("https://crm.example", False),
    ],
)
async def test_what_is_this_machine(url: str, here: bool) -> None:
    from agent import is_here

    assert is_here(URL(url)) is here


async def talk(line: Line, *said: str) -> list[str]:
    return [await (line.say(keypad=each[1:]) if each[0] == "#" else line.say(each)) for each in said]


def line_of(business: Business, folder: Path, number: str = "") -> Line:
    now = datetime.now().astimezone()
    return Line(business.flow, business.facts, folder, number, tuple(business.tools), now)


async def test_the_conversation_books_a_visit(tmp_path: Path) -> None:
    async with opened(tmp_path) as (url, business):
        line = line_of(business, tmp_path)
        told = await talk(line, "My boiler is not working.", "Next Tuesday", "Ten in the morning", "Tom Baker", "Yes")
        assert "Which time would you like?" in told[1]
        told = await talk(line, "#5550199#", "Twelve Garden Road", "Yes", "Yes, please")
        assert "heating for Tom Baker" in told[2]
        assert "You are booked" in told[3]
        await talk(line, "No, goodbye")
        assert line.ended
        kept = await everything(url)
        assert [(each["service"], each["start"], each["issue"]) for each in kept["visits"]][2:] == [
            ("heating", "10:00", "My boiler is not working")
        ]
        assert kept["visits"][2]["reference"] in kept["texts"][0]["body"]


async def test_a_customer_is_known_by_the_number_that_the_call_comes_from(tmp_path: Path) -> None:
    async with opened(tmp_path) as (url, business):
        line = line_of(business, tmp_path, "+15550142")
        (told,) = await talk(line, "I am an existing customer")
        assert told.startswith("Welcome back, Robert Hill. We were last with you on ")
        told = (await talk(line, "I need an electrician", "Next Wednesday", "Ten o'clock"))[-1]
        assert "electrical for Robert Hill" in told
        assert "3 Station Street" in told
        assert "You are booked" in (await talk(line, "Yes"))[0]
        assert (await everything(url))["visits"][2]["phone"] == "15550142"


async def test_who_says_another_number_hears_nothing_of_its_owner(tmp_path: Path) -> None:
    async with opened(tmp_path) as (_, business):
        line = line_of(business, tmp_path)
        told = await talk(line, "I am an existing customer", "I need an electrician", "Next Wednesday", "Ten o'clock")
        told += await talk(line, "Ann Lee", "Yes", "#5550142#", "1 Elm Street")
        assert not any("Hill" in each or "Station" in each for each in told)


async def test_an_emergency_is_kept_before_anything_else(tmp_path: Path) -> None:
    async with opened(tmp_path) as (url, business):
        line = line_of(business, tmp_path, "+15550199")
        told = await talk(line, "There is water everywhere!", "1 Elm Street", "Yes", "Ann Lee", "Yes", "Yes")
        assert "main valve" in told[0]
        # Nobody can be reached by this line, and the caller is told what happens instead.
        assert "calls you back within a quarter of an hour" in told[-1]
        (lead,) = (await everything(url))["leads"]
        assert (lead["urgency"], lead["name"], lead["address"]) == ("emergency", "Ann Lee", "1 Elm Street")


async def test_questions_are_answered_on_the_way(tmp_path: Path) -> None:
    async with opened(tmp_path) as (_, business):
        line = line_of(business, tmp_path)
        told = await talk(line, "How much does a visit cost?", "I would like to book a visit", "Heating", "On Sunday")
        assert "90 pounds" in told[0]
        assert "plumbing, electrical work, heating" in told[1]
        assert "Nobody works" in told[3]
