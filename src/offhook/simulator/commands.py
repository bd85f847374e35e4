"""`offhook simulate`, `bench` and `doubles`. Registered by the command line, which imports this only for them."""

import asyncio
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import orjson
import typer
import uvloop
from rich.console import Console

from offhook.config import Settings
from offhook.config_files import load_settings
from offhook.errors import OffhookError
from offhook.simulator.audiosocket import Address
from offhook.simulator.bench.printing import print_bench
from offhook.simulator.bench.running import Plan, parse_steps, run_bench
from offhook.simulator.clips import needs_voice
from offhook.simulator.clouds.media_stream import Carrier
from offhook.simulator.clouds.standing import keys_for, settings_for, standing
from offhook.simulator.equipment import local_equipment
from offhook.simulator.printing import Live, print_report, print_title, print_totals
from offhook.simulator.reaching import Network, Way, reached
from offhook.simulator.reports import CallReport
from offhook.simulator.scenario import Scenario
from offhook.simulator.scenario_files import load_scenario
from offhook.simulator.simulation import run_scenario

__all__ = ["bench", "doubles", "simulate"]

ConfigOption = Annotated[Path | None, typer.Option("--config", "-c", metavar="PATH", help="File of settings.")]
FAILED = 1
UNUSABLE = 2
STDOUT = Path("-")


def simulate(
    scenarios: Annotated[list[Path], typer.Argument(metavar="SCENARIO...", help="Scenario files.")],
    *,
    host: Annotated[str | None, typer.Option(help="Where the agent listens; from the settings if not given.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65_535, help="Its AudioSocket port.")] = None,
    carrier: Annotated[Network | None, typer.Option(help="Call through this carrier's double instead.")] = None,
    server: Annotated[str | None, typer.Option(metavar="URL", help="With --carrier: where the agent listens.")] = None,
    answer_url: Annotated[
        str | None, typer.Option(metavar="URL", help="With --carrier: its answer URL; /<carrier>/answer if not given.")
    ] = None,
    api_port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="With --carrier: port of the double's REST API.")
    ] = None,
    calls: Annotated[int, typer.Option(min=1, max=1_000, help="How many callers at once.")] = 1,
    wav: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep stereo recordings: caller left.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines to read.")] = False,
    transcribe: Annotated[bool, typer.Option(help="Write down the agent's words and check them.")] = True,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show timing and every check.")] = False,
    config: ConfigOption = None,
) -> None:
    """Phone the agent as the scenarios say, and judge how it did.

    Ends with 1 if something was not as expected, with 2 if a scenario cannot be used or nobody answers.
    """
    console = Console(stderr=as_json)
    try:
        settings = load_settings(config)
        loaded = [load_scenario(file) for file in scenarios]
        way = Way(host, port, carrier, server, answer_url, api_port)
        reports = uvloop.run(
            _simulate(loaded, way, settings, console, calls=calls, wav=wav, transcribe=transcribe, verbose=verbose)
        )
    except OffhookError as error:
        typer.secho(f"offhook: {error}", fg="red", err=True)
        raise typer.Exit(UNUSABLE) from error
    if as_json:
        sys.stdout.buffer.write(_as_json(reports))
    elif len(reports) > 1:
        print_totals(console, reports)
    if not all(report.passed for report in reports):
        raise typer.Exit(FAILED)


async def _simulate(
    scenarios: list[Scenario],
    way: Way,
    settings: Settings,
    console: Console,
    *,
    calls: int,
    wav: Path | None,
    transcribe: bool,
    verbose: bool,
) -> list[CallReport]:
    reports: list[CallReport] = []
    voice = any(needs_voice(scenario) for scenario in scenarios)
    async with (
        reached(way, settings) as exchange,
        local_equipment(settings, voice=voice, transcribe=transcribe) as equipment,
    ):
        for scenario in scenarios:
            print_title(console, scenario, calls)
            live = Live(console, calls=calls)
            done = await run_scenario(scenario, exchange, equipment, calls=calls, wav_dir=wav, watch=live)
            for report in done:
                print_report(console, report, verbose=verbose)
            reports += done
    return reports


def _as_json(reports: list[CallReport]) -> bytes:
    values = [asdict(report) | {"passed": report.passed} for report in reports]
    return orjson.dumps(values, default=str, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def bench(
    *,
    calls: Annotated[str, typer.Option(metavar="N,N,...", help="How many calls at once, step after step.")] = "1,8,32",
    seconds: Annotated[float, typer.Option(min=1, max=3_600, help="How long to measure each step.")] = 10.0,
    engine: Annotated[
        Literal["loopback", "local", "cloud", "realtime"],
        typer.Option(
            help="The agent: an echo, the local models in a scenario, doubles of cloud providers, or sessions of a "
            "speech-to-speech model that echoes."
        ),
    ] = "loopback",
    carrier: Annotated[Carrier, typer.Option(help="Whose double calls, with --engine cloud or realtime.")] = "vobiz",
    scenario: Annotated[Path | None, typer.Option(metavar="FILE", help="What callers do, with --engine local.")] = None,
    pid: Annotated[int | None, typer.Option(min=1, help="Measure this running server, not one of our own.")] = None,
    host: Annotated[str | None, typer.Option(help="Where it listens; from the settings if not given.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65_535, help="Its AudioSocket port.")] = None,
    vad: Annotated[bool, typer.Option("--vad", help="Let the loopback agent detect voices too.")] = False,
    recording: Annotated[bool, typer.Option("--recording", help="Record the calls, as a server does.")] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the figures here; - is stdout.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Measure what calls cost, and how well they are served.

    Ends with 1 if a figure is worth nothing, with 2 if there is nothing to measure.
    """
    console = Console(stderr=json_file == STDOUT)
    try:
        settings = load_settings(config)
        address = Address(host or settings.audiosocket.host, port or settings.audiosocket.port)
        plan = Plan(parse_steps(calls), seconds, address, engine, scenario, pid, vad, recording, carrier)
        report = uvloop.run(run_bench(plan, settings, lambda line: typer.secho(line, dim=True, err=True)))
    except OffhookError as error:
        typer.secho(f"offhook: {error}", fg="red", err=True)
        raise typer.Exit(UNUSABLE) from error
    content = orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    if json_file == STDOUT:
        sys.stdout.buffer.write(content)
    elif json_file is not None:
        json_file.write_bytes(content)
    print_bench(console, report)
    if not report.valid:
        raise typer.Exit(FAILED)


def doubles(
    carrier: Annotated[Carrier | None, typer.Option(help="Stand in for this carrier too, to place calls.")] = None,
    config: ConfigOption = None,
) -> None:
    """Stand in for Deepgram, OpenAI and ElevenLabs on local models, until stopped.

    Prints the settings of an agent that uses them: for trying a cloud-shaped agent without any key. With --carrier,
    whatever number is called, somebody answers and says hello.
    """
    try:
        uvloop.run(_stand_in(load_settings(config), carrier))
    except OffhookError as error:
        typer.secho(f"offhook: {error}", fg="red", err=True)
        raise typer.Exit(UNUSABLE) from error


async def _stand_in(settings: Settings, carrier: Carrier | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with standing(settings, carrier) as clouds:
        typer.echo(settings_for(clouds))
        keys = "\n".join(f"  {name}={value}" for name, value in keys_for(clouds).items())
        typer.secho(
            f"Put this into offhook.toml, and these into .env beside it:\n{keys}\nCtrl-C ends the doubles.", err=True
        )
        await stop.wait()
