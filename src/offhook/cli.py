"""The command line. Each command imports what it needs when it runs, so that `serve` starts fast."""

import importlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from offhook import __version__
from offhook.config_files import Loaded, read_settings
from offhook.errors import CallError, ConfigError, OffhookError, SettingsError

__all__ = ["app", "main"]

_PLAIN: dict[str, Any] = {"rich_markup_mode": None, "pretty_exceptions_enable": False, "no_args_is_help": True}
# numpy and the model runtimes read these when they are imported; by default each would spin on every core.
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_HANDED_ON: dict[str, Any] = {"allow_extra_args": True, "ignore_unknown_options": True}

app = typer.Typer(**_PLAIN, help="Answers and places phone calls with an AI agent.", add_completion=False)
models_app = typer.Typer(**_PLAIN, help="List, fetch or verify local models.")
calls_app = typer.Typer(rich_markup_mode=None, help="List past calls; show what was said.")
app.add_typer(models_app, name="models")
app.add_typer(calls_app, name="calls")

ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="PATH", help="File of settings; ./offhook.toml if not given.")
]
ModelNames = Annotated[
    list[str] | None, typer.Argument(metavar="[MODEL]...", help="Those the settings need if not given.")
]


def main() -> None:
    """Entry of the `offhook` command. Errors that were foreseen are told without a traceback."""
    for name in _ONE_THREAD:
        os.environ.setdefault(name, "1")
    try:
        app(prog_name="offhook")
    except OffhookError as exc:
        typer.secho(_told(exc), fg="red", err=True)
        sys.exit(2 if isinstance(exc, ConfigError) else 1)
    except KeyboardInterrupt:
        sys.exit(130)


def _told(exc: OffhookError) -> str:
    head = f"{len(exc.errors)} settings are wrong:\n" if isinstance(exc, SettingsError) else ""
    return f"offhook: {head}{exc}"


def _load(config: Path | None) -> Loaded:
    """Settings for a command a person runs; notes are told on stderr."""
    loaded = read_settings(config)
    for note in loaded.notes:
        typer.secho(f"note: {note}", fg="yellow", err=True)
    return loaded


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"offhook {__version__}")
        raise typer.Exit


@app.callback()
def _offhook(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """Answers and places phone calls with an AI agent."""


@app.command()
def serve(
    config: ConfigOption = None,
    tunnel: Annotated[bool, typer.Option("--tunnel", help="Open a public address for carriers by ngrok.")] = False,
) -> None:
    """Answer calls until stopped."""
    from offhook.logs import configure_logs  # noqa: PLC0415 - with what only a server needs

    loaded = read_settings(config)
    configure_logs(loaded.settings)
    _log_notes(loaded)
    run = importlib.import_module("offhook.server.app").run
    raise typer.Exit(int(run(loaded.settings, tunnel=tunnel)))


def _log_notes(loaded: Loaded) -> None:
    import structlog  # noqa: PLC0415 - with what only a server needs

    for note in loaded.notes:
        structlog.get_logger().warning("setting not used", note=note)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where to write them.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Write a commented offhook.toml.

    And .env.example beside it, with the names of keys and accounts.
    """
    from offhook.config_template import write_templates  # noqa: PLC0415

    for path in write_templates(folder, force=force):
        typer.echo(f"wrote {path}")
    typer.echo("next: `offhook doctor` says what is missing")


@app.command()
def doctor(
    config: ConfigOption = None, as_json: Annotated[bool, typer.Option("--json", help="For machines to read.")] = False
) -> None:
    """Check that all is ready for calls."""
    from offhook.doctor import Check, examine  # noqa: PLC0415

    try:
        checks = list(examine(read_settings(config)))
    except ConfigError as exc:
        problems = exc.errors if isinstance(exc, SettingsError) else (exc,)
        checks = [Check("settings", "bad", *str(each).split("\n  ", 1)) for each in problems]
    if as_json:
        from dataclasses import asdict  # noqa: PLC0415

        typer.echo(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        for check in checks:
            _print_check(check.state, f"{check.name:<9} {check.found}", check.remedy)
    raise typer.Exit(1 if any(check.state == "bad" for check in checks) else 0)


def _print_check(state: str, text: str, remedy: str) -> None:
    mark, colour = {"good": ("✓", "green"), "poor": ("!", "yellow"), "bad": ("✗", "red")}[state]
    typer.echo(f"{typer.style(mark, fg=colour)} {text}")
    if remedy:
        typer.echo(f"            {remedy}")


@models_app.command("list")
def list_models(config: ConfigOption = None) -> None:
    """Show which models are here."""
    from offhook.providers.models import MODELS, locate, needed  # noqa: PLC0415

    settings = _load(config).settings
    wanted = needed(settings)
    for model in MODELS.values():
        state = _outcome(lambda name=model.name: str(locate(name, settings)))  # type: ignore[misc]
        use = "used" if model.name in wanted else "not used"
        typer.echo(f"{model.name}: {model.purpose}; {model.size / 1e6:.0f} MB, {model.licence}, {use}")
        typer.echo(f"  {state}")


def _outcome(work: Callable[[], str]) -> str:
    try:
        return work()
    except OffhookError as exc:
        return str(exc).partition(": ")[2]


@models_app.command()
def fetch(
    names: ModelNames = None,
    config: ConfigOption = None,
    folder: Annotated[
        Path | None,
        typer.Option("--from", metavar="FOLDER", help="Take the files from a folder, not from the network."),
    ] = None,
) -> None:
    """Bring models here and check them.

    What is here already is left alone.
    """
    from offhook.providers.model_fetch import fetch as fetch_model  # noqa: PLC0415
    from offhook.providers.models import needed  # noqa: PLC0415

    settings = _load(config).settings
    for name in names or needed(settings):
        found = fetch_model(name, settings, folder=folder, report=lambda line: typer.echo(line, err=True))
        typer.echo(f"{name}: ready in {found}")


@models_app.command()
def verify(names: ModelNames = None, config: ConfigOption = None) -> None:
    """Check every byte of the models."""
    from offhook.providers.models import needed  # noqa: PLC0415
    from offhook.providers.models import verify as verify_model  # noqa: PLC0415

    settings = _load(config).settings
    for name in names or needed(settings):
        typer.echo(f"{name}: right, in {verify_model(name, settings)}")


@app.command()
def call(
    to: Annotated[str, typer.Argument(metavar="NUMBER", help="Whom to call; TO_NUMBER if not given.")] = "",
    *,
    from_number: Annotated[str, typer.Option("--from", metavar="NUMBER", help="The number to show.")] = "",
    agent: Annotated[str, typer.Option("--agent", metavar="NAME", help="Who talks; the first one.")] = "",
    carrier: Annotated[str, typer.Option("--carrier", metavar="NAME", help="By whom; the only account.")] = "",
    var: Annotated[
        list[str] | None, typer.Option("--var", metavar="NAME=VALUE", help="For the agent's texts; repeatable.")
    ] = None,
    ring: Annotated[int | None, typer.Option("--ring", metavar="SECONDS", min=5, max=600, help="Ring so long.")] = None,
    server: Annotated[str, typer.Option("--server", metavar="URL", help="The running server.")] = "",
    config: ConfigOption = None,
) -> None:
    """Place a call by a running server.

    Ends with 0 after a conversation, 1 if nobody or a machine was reached, 2 if the call could not be placed.
    """
    import asyncio  # noqa: PLC0415 - with what only this command needs

    from offhook.call_client import CallClient, CallWish, server_url, variables_of  # noqa: PLC0415

    settings = _load(config).settings
    whom = to or settings.keys.to_number
    if not whom:
        raise ConfigError("whom to call?", setting="NUMBER", hint="Name a number, or set TO_NUMBER in .env.")
    wish = CallWish(whom, from_number, agent, carrier, variables_of(var or []), ring)
    client = CallClient(server_url(settings, server), settings, typer.echo)
    try:
        raise typer.Exit(asyncio.run(client.run(wish)))
    except CallError as exc:
        typer.secho(_told(exc), fg="red", err=True)
        raise typer.Exit(2) from exc


@calls_app.callback(invoke_without_command=True)
def calls(
    context: typer.Context,
    config: ConfigOption = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many.")] = 20,
) -> None:
    """List the calls of the past, the latest first."""
    context.obj = config
    if context.invoked_subcommand is None:
        _list_calls(_load(config).settings.server.data_dir, limit)


def _list_calls(data_dir: Path, limit: int) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    from offhook.call_records import read_records, shown_cost  # noqa: PLC0415

    records = read_records(data_dir)[:limit]
    if not records:
        typer.echo(f"no calls yet in {data_dir / 'calls'}")
        return
    table = Table("started", "call", "agent", "length", "ended by", "cost", box=None, pad_edge=False)
    for record in records:
        started = str(record.get("started_at", ""))[5:16].replace("T", " ")
        call_id, agent = str(record["call_id"])[:8], str(record.get("agent", ""))
        ended = str(record.get("end_reason") or "").replace("_", " ")
        cost = shown_cost(record.get("cost"))
        table.add_row(started, call_id, agent, _length(record.get("duration_ms")), ended, cost)
    Console(highlight=False).print(table)


def _length(milliseconds: object) -> str:
    if not isinstance(milliseconds, int | float):
        return ""
    return f"{int(milliseconds) // 60_000}:{int(milliseconds) // 1000 % 60:02}"


@calls_app.command()
def show(
    context: typer.Context,
    call_id: Annotated[str, typer.Argument(metavar="ID", help="The call's id, or how it begins.")],
    config: ConfigOption = None,
) -> None:
    """Show what was said in a call."""
    from offhook.call_records import find_record, shown_cost, transcript  # noqa: PLC0415

    record = find_record(_load(config or context.obj).settings.server.data_dir, call_id)
    for name, value in record.items():
        if isinstance(value, str | int | float) and value != "":
            typer.echo(f"{name}: {value}")
    if cost := shown_cost(record.get("cost"), whole=True):
        typer.echo(f"cost: {cost}")
    typer.echo()
    for at, who, text in transcript(record):
        typer.echo(f"{_length(at):>6} {who}: {text}")


@app.command()
def experiments(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="One of them; all if not given.")] = "",
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="Calls from then on: a date, 7d or 24h.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="For machines to read.")] = False,
    config: ConfigOption = None,
) -> None:
    """Compare the variants of experiments."""
    from offhook.experiments.command import run  # noqa: PLC0415 - with numpy, which few commands need

    typer.echo(run(_load(config).settings, name, since, as_json=as_json), nl=False)


@app.command()
def costs(
    config: ConfigOption = None,
    days: Annotated[int, typer.Option("--days", "-n", min=1, max=36_500, help="How many, today included.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="For machines to read.")] = False,
) -> None:
    """Show what calls have cost.

    By day, by agent and by provider. A + means that there was more, of which no price is known.
    """
    from offhook.costs_report import print_report, report  # noqa: PLC0415

    found = report(_load(config).settings, days)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        print_report(found)


@app.command(context_settings=_HANDED_ON, add_help_option=False)
def simulate(context: typer.Context) -> None:
    """Phone the agent, without a phone."""
    _hand_on("simulate", context.args)


@app.command(context_settings=_HANDED_ON, add_help_option=False)
def bench(context: typer.Context) -> None:
    """Measure how many calls fit."""
    _hand_on("bench", context.args)


@app.command(context_settings=_HANDED_ON, add_help_option=False)
def doubles(context: typer.Context) -> None:
    """Stand in for cloud vendors, without keys."""
    _hand_on("doubles", context.args)


def _hand_on(name: str, args: list[str]) -> None:
    """Run a command that lives with the simulator, which nothing else needs to import."""
    command = getattr(importlib.import_module("offhook.simulator.commands"), name)
    inner = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
    inner.command(name)(command)
    inner(args=args, prog_name=f"offhook {name}")
