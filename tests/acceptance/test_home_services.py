"""Whole calls to the example of a home-services company: without a key, with a language model, speech to speech."""

import asyncio
import datetime as dt
import shutil
import subprocess
from pathlib import Path
from typing import Any

import orjson
import pytest

from offhook.config import Settings
from offhook.providers.models import locate
from offhook.providers.vad.silero import SileroVad
from offhook.simulator.carrier_calls import CarrierExchange
from offhook.simulator.clouds.ears import model_ears
from offhook.simulator.clouds.media_stream import answers
from offhook.simulator.clouds.openai_chat import ChatDouble, ChatReply, ChatRequest, ScriptedCall
from offhook.simulator.clouds.openai_realtime import RealtimeDouble
from offhook.simulator.equipment import Equipment, local_recognizer
from offhook.simulator.scenario_files import parse_scenario
from offhook.simulator.simulation import run_scenario
from tests.acceptance.running import OFFHOOK, running_server
from tests.acceptance.town import PUBLIC, opened, until
from tests.examples.home_services.test_agent import EXAMPLE, everything, free_port

pytestmark = [pytest.mark.models, pytest.mark.asyncio(loop_scope="session")]

ENGINEER = "15550177"
SCENARIO = """
title = "A visit in two sentences"
[[steps]]
wait_for_agent = "finish"
[[steps]]
say = "This is Tom Baker, I need a heating engineer on Monday at ten."
[[steps]]
wait_for_agent = "finish"
matching = "booked"
timeout_s = 60
[[steps]]
say = "Thank you, goodbye."
[[steps]]
expect_hangup = true
"""


def example(folder: Path) -> str:
    """Make the folder the example's, and return its settings."""
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("var", ".env", "__pycache__"), dirs_exist_ok=True)
    return (folder / "offhook.toml").read_text()


def phoned(folder: Path, settings: str, scenario: str, environ: dict[str, str]) -> tuple[Any, dict[str, Any], Any]:
    """The simulator's report of a call, the call's record, and what the company's system had at its end."""
    with running_server(folder, settings, environ) as server:
        command = [*OFFHOOK, "simulate", scenario, "--port", str(server.port), "--json"]
        ran = subprocess.run(command, cwd=folder, env=server.environ, capture_output=True, timeout=300, check=False)
        kept = asyncio.run(everything(environ["BACKEND_API_URL"], ""))
        assert server.stop() == 0
        assert "Traceback" not in server.output, server.output
        [record] = server.records()
        [report] = orjson.loads(ran.stdout)
        return report, record, kept


def called(record: dict[str, Any]) -> list[tuple[str, str]]:
    return [(turn["name"], turn["error"]) for turn in record["turns"] if turn["event"] == "ToolCalled"]


async def test_without_a_key(tmp_path: Path) -> None:
    environ = {"BACKEND_API_URL": f"http://127.0.0.1:{free_port()}"}
    report, record, kept = await asyncio.to_thread(
        phoned, tmp_path, example(tmp_path), "scenarios/booking.toml", environ
    )
    failed = [each for each in report["checks"] if each["passed"] is False and not each["detail"].endswith("ms")]
    assert not failed, record["turns"]
    assert called(record) == [
        ("check_availability", ""),
        ("lookup_customer", ""),
        ("book_appointment", ""),
        ("send_sms", ""),
        ("end_call", ""),
    ]
    visit = kept["visits"][-1]
    assert (visit["phone"], visit["service"], visit["start"]) == ("5550199", "heating", "10:00")
    assert visit["request"].startswith(record["call_id"])
    assert visit["reference"] in kept["texts"][0]["body"]
    assert (tmp_path / "var" / "home-services.sqlite3").exists()


def receptionist(request: ChatRequest) -> ChatReply:
    """A model that looks at the diary, books, sends a text, and says so."""
    asked = max(place for place, message in enumerate(request.messages) if message["role"] == "user")
    results = [message for message in request.messages[asked:] if message["role"] == "tool"]
    if not results:
        if "bye" in str(request.messages[asked]["content"]).lower():
            return ChatReply("Goodbye, and thank you.", (ScriptedCall("end_call", {"reason": "goodbye"}),))
        look = ScriptedCall("check_availability", {"date": next_monday(), "service_type": "heating"})
        return ChatReply(tool_calls=(look,))
    told = orjson.loads(results[-1]["content"])
    if told.get("status") == "free":
        visit = {
            "customer_name": "Tom Baker",
            "phone_number": "5550199",
            "service_type": "heating",
            "preferred_date": told["date"],
            "preferred_time": told["free"][0],
            "address": "12 Garden Road",
        }
        return ChatReply(tool_calls=(ScriptedCall("book_appointment", visit),))
    if told.get("status") == "booked":
        text = {"phone_number": "5550199", "message": f"Your reference is {told['reference']}."}
        return ChatReply(tool_calls=(ScriptedCall("send_sms", text),))
    return ChatReply("Your visit is booked, and you get a text.")


def next_monday() -> str:
    today = dt.date.today()
    return (today + dt.timedelta(days=7 - today.weekday())).isoformat()


def check(record: dict[str, Any], kept: dict[str, Any]) -> None:
    assert called(record) == [
        (name, "") for name in ("check_availability", "book_appointment", "send_sms", "end_call")
    ], record["turns"]
    visit = kept["visits"][-1]
    assert (visit["phone"], visit["service"], visit["day"]) == ("5550199", "heating", next_monday())
    assert visit["reference"] in kept["texts"][0]["body"]


async def test_with_a_language_model(tmp_path: Path) -> None:
    settings = example(tmp_path).replace('# llm = ["openai", "flow"]', 'llm = ["openai", "flow"]')
    (tmp_path / "scenario.toml").write_text(SCENARIO)
    environ = {"BACKEND_API_URL": f"http://127.0.0.1:{free_port()}"}
    double = ChatDouble(receptionist)
    async with double.serve() as url:
        settings += f'[llm.openai]\nbase_url = "{url}"\nmodel = "double"\n'
        _, record, kept = await asyncio.to_thread(phoned, tmp_path, settings, "scenario.toml", environ)
    check(record, kept)
    system = str(double.requests[0].messages[0]["content"])
    assert "Brook Home Services" in system
    offered = {tool["function"]["name"] for tool in double.requests[0].body["tools"]}
    assert {"lookup_customer", "get_caller_history", "create_lead", "send_sms", "take_message"} <= offered


async def test_speech_to_speech(tmp_path: Path, equipment: Equipment) -> None:
    settings = example(tmp_path).replace('# engine = "realtime"', 'engine = "realtime"')
    (tmp_path / "scenario.toml").write_text(SCENARIO)
    environ = {"BACKEND_API_URL": f"http://127.0.0.1:{free_port()}"}
    known = Settings()
    ears = model_ears(SileroVad(locate("silero", known) / "silero_vad.onnx"), local_recognizer(known))
    double = RealtimeDouble(ears, brain=receptionist, voice=equipment.synthesizer)
    async with double.serve() as url:
        settings += f'[realtime.openai]\nbase_url = "{url}"\n'
        _, record, kept = await asyncio.to_thread(phoned, tmp_path, settings, "scenario.toml", environ)
    check(record, kept)


async def test_an_emergency_is_kept_and_put_through(tmp_path: Path, equipment: Equipment) -> None:
    """The engineer is asked, takes the call, and talks with the caller."""
    settings = example(tmp_path)
    text = (tmp_path / "scenarios" / "emergency.toml").read_text()
    scenario = parse_scenario(
        text.replace("]\n\n[expect]", "    { expect_hangup = true, timeout_s = 60 },\n]\n\n[expect]")
    )
    environ = {"BACKEND_API_URL": f"http://127.0.0.1:{free_port()}"}
    async with opened(tmp_path, settings, environ=environ) as town:
        cloud = town.clouds["vobiz"]
        cloud.callees[ENGINEER] = answers(0.2)
        exchange = CarrierExchange(cloud, f"{PUBLIC}/vobiz/answer", hangup_url=f"{PUBLIC}/vobiz/hangup")

        async def engineer() -> None:
            def reached() -> Any:
                found = [each for each in cloud.calls.values() if each.facts.to.lstrip("+") == ENGINEER]
                return next((each for each in found if each.up.is_set()), None)

            asked = await until(reached, "the engineer is asked")
            stream = await asked.phone.streaming()
            await until(lambda: stream.played_ms > 1_000, "the briefing")
            asked.phone.press("1")
            await until(lambda: asked.log.conferences, "the conference")
            await asked.hang_up()

        telling = asyncio.create_task(run_scenario(scenario, exchange, equipment))
        # The caller needs most of a minute to tell everything.
        await asyncio.sleep(25)
        await until(lambda: any(each.facts.to.lstrip("+") == ENGINEER for each in cloud.calls.values()), "a call")
        await engineer()
        await telling
        (lead,) = (await everything(environ["BACKEND_API_URL"], ""))["leads"]
        assert (lead["urgency"], lead["name"]) == ("emergency", "Tom Baker")
        record = next(each for each in town.server.records() if not each.get("consults_for"))
        assert record["end_reason"] == "transferred", record["turns"]
        assert record["end_detail"].startswith("taken by on_call")
        assert [name for name, _ in called(record)] == ["create_lead", "transfer_call"]
