"""A whole call by way of clouds that keep what they were asked for: its record has that use, and its cost."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from offhook.audio.formats import MULAW_8K
from offhook.costs.ledger_file import LEDGER, LedgerFile
from offhook.simulator.clouds.ears import EarFactory
from offhook.simulator.equipment import Equipment
from offhook.simulator.scenario_files import parse_scenario
from offhook.simulator.simulation import run_scenario
from tests.acceptance.town import Line, opened
from tests.acceptance.vendors import Vendors, vendors_with

pytestmark = [pytest.mark.models, pytest.mark.asyncio(loop_scope="session")]

SETTINGS = """
[agents.reception]
greeting = "Hello, this is the cloud."
stt = ["nova"]
llm = ["openai"]
tts = ["elevenlabs"]
# An answer that is begun early and taken back would be an estimate.
turns.early_reply = false
[costs]
timezone = "UTC"
[[prices]]
provider = "nova"
kind = "stt"
unit = "minute"
price = 0.0048
as_of = 2026-08-01
source = "a page"
[[prices]]
provider = "openai"
kind = "llm"
unit = "1M tokens"
text_in = 0.10
text_out = 0.50
as_of = 2026-09-22
source = "a page"
[[prices]]
provider = "elevenlabs"
kind = "tts"
unit = "1k characters"
price = 0.05
as_of = 2026-11-21
source = "a page"
[[prices]]
provider = "vobiz"
kind = "carrier"
model = "inbound"
unit = "minute"
price = 0.02
started_s = 60
as_of = 2026-11-21
source = "a page"
"""
QUESTION = """
title = "A question"
steps = [
    { wait_for_agent = "finish" },
    { say = "What are your opening hours?" },
    { wait_for_agent = "finish", agent_says = "nine" },
    { say = "Thank you, goodbye." },
    { expect_hangup = true },
]
expect.ended_by = "agent"
"""


@dataclass(frozen=True)
class Sold:
    """A call that is over: its record, what the clouds were asked for, and where the server ran."""

    record: dict[str, Any]
    vendors: Vendors
    folder: Path

    def used(self, stage: str) -> dict[str, Decimal]:
        """What the record says that was used."""
        [line] = [each for each in self.record["usage"] if each["stage"] == stage]
        return {kind: Decimal(str(number)) for kind, number in line["used"].items()}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sold(tmp_path_factory: pytest.TempPathFactory, equipment: Equipment, ears: EarFactory) -> AsyncIterator[Sold]:
    assert equipment.synthesizer is not None
    folder = tmp_path_factory.mktemp("sold")
    async with (
        vendors_with(ears, equipment.synthesizer) as vendors,
        opened(folder, SETTINGS + vendors.settings) as town,
    ):
        line = Line(town, "vobiz")
        (report,) = await run_scenario(parse_scenario(QUESTION), line, equipment)
        assert report.passed, report.summary
        yield Sold(await town.record_of(line.calls[0]), vendors, folder)


def spoken(text: str) -> int:
    return len(text.strip())


async def test_what_was_used_is_what_the_clouds_were_asked_for(sold: Sold) -> None:
    record, vendors = sold.record, sold.vendors
    # The check at the start opened a connection, too.
    [line] = [each for each in vendors.deepgram.lines if each.audio]
    assert sold.used("stt")["seconds"] * 1_000 == Decimal(str(MULAW_8K.ms_in(len(line.audio))))
    assert not any(each["estimated"] for each in record["usage"])
    prompts = [message for request in vendors.chat.requests for message in request.messages]
    words = sum(len(str(message.get("content") or "").split()) for message in prompts)
    assert sold.used("llm")["text_in"] == words
    # The lines that were prepared were spoken before the call, and belong to none.
    said = [spoken(speech.text) for speech in vendors.elevenlabs.spoken]
    said_in_call = sold.used("tts")["characters"]
    assert said_in_call in _tails(said)
    assert sold.used("carrier")["seconds"] * 1_000 == record["duration_ms"]


def _tails(lengths: list[int]) -> set[int]:
    """The sums of the last ones, however many."""
    return {sum(lengths[start:]) for start in range(len(lengths))}


async def test_the_cost_of_the_record_is_that_use_at_those_prices(sold: Sold) -> None:
    cost = sold.record["cost"]
    llm = sold.used("llm")
    shares = {
        "nova": sold.used("stt")["seconds"] * Decimal("0.0048") / 60,
        "openai": (llm["text_in"] * Decimal("0.10") + llm["text_out"] * Decimal("0.50")) / 1_000_000,
        "elevenlabs": sold.used("tts")["characters"] * Decimal("0.05") / 1_000,
        "vobiz": -(-sold.record["duration_ms"] // 60_000) * Decimal("0.02"),
    }
    told = {name: Decimal(amount) for name, amount in cost["providers"].items()}
    assert told == {name: share.quantize(Decimal("1e-12")) for name, share in shares.items()}
    assert Decimal(cost["total"]) == sum(told.values())
    assert (cost["currency"], cost["unpriced"], cost["estimated"]) == ("USD", [], False)


async def test_the_ledger_has_the_call_and_the_lines_that_were_prepared(sold: Sold) -> None:
    today = datetime.now(UTC).date()
    entries = LedgerFile(sold.folder / "var" / LEDGER).read(today - timedelta(days=1), today)
    call = sum((entry.cost for entry in entries if entry.call == sold.record["call_id"]), Decimal(0))
    assert call == Decimal(sold.record["cost"]["total"])
    prepared = sum(entry.used["characters"] for entry in entries if not entry.call)
    everything = sum(spoken(speech.text) for speech in sold.vendors.elevenlabs.spoken)
    assert prepared + sold.used("tts")["characters"] == everything
