"""Looks over a machine before the first call: what is needed, what is there, and what to do about the difference."""

import asyncio
import importlib
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from structlog.testing import capture_logs

from offhook.checks import Check
from offhook.config import AgentSettings, Settings
from offhook.config.keys import ProviderTable, missing_key, refused_key
from offhook.config.unspoken import unspoken
from offhook.config_files import Loaded
from offhook.errors import OffhookError, ProviderError
from offhook.providers.models import locate, needed
from offhook.providers.standby import Watched
from offhook.server.providers import Cloud, cloud_of, key_refused, named_tables

__all__ = ["Check", "examine", "port_owner"]

_RUNTIMES = (
    ("", "onnxruntime", "onnxruntime"),
    ("whisper", "ctranslate2", "ctranslate2"),
    ("whisper", "tokenizers", "tokenizers"),
    ("hibari", "hibari", "hibari-tts"),
)
"""Modules, with the kind of provider that needs each (all calls, if none) and the package that it is in."""
_LOW_SPACE_BYTES = 1_000_000_000
_EARLIEST_YEAR = 2025
_OLDEST_PYTHON = (3, 11)


def examine(loaded: Loaded) -> Iterator[Check]:
    """Look at everything these settings need, one check at a time."""
    settings = loaded.settings
    files = ", ".join(map(str, loaded.files)) or "no file; every setting at its default"
    yield Check("settings", "good", files)
    for note in loaded.notes:
        yield Check("settings", "poor", note, "fill it in, or take the line out")
    yield _python()
    yield from _clock(settings)
    yield from _runtimes(settings)
    yield from (_model(name, settings) for name in _models(settings))
    yield from _ports(settings)
    yield _data_dir(settings.server.data_dir)
    for name, agent in settings.answering.items():
        yield from _agent(name, agent)
    for problem in unspoken(settings):
        yield Check("language", "bad", f"{problem.setting}: {problem.problem}", problem.hint)
    for (stage, name), table in named_tables(settings).items():
        yield from _provider(stage, name, table)
    yield from importlib.import_module("offhook.doctor_carriers").carrier_checks(settings)
    yield from importlib.import_module("offhook.doctor_asterisk").asterisk_checks(settings)
    yield from importlib.import_module("offhook.doctor_ari").ari_checks(settings)
    yield from importlib.import_module("offhook.doctor_tools").tool_checks(settings)
    yield from importlib.import_module("offhook.doctor_costs").cost_checks(settings)


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] >= _OLDEST_PYTHON:
        return Check("python", "good", version)
    return Check("python", "bad", version, "install Python 3.11 or later")


def _clock(settings: Settings) -> Iterator[Check]:
    now = datetime.now(UTC)
    state: Literal["good", "bad"] = "good" if now.year >= _EARLIEST_YEAR else "bad"
    yield Check("clock", state, now.isoformat(" ", "seconds"), "" if state == "good" else "set the machine's clock")
    for zone in {agent.timezone for agent in settings.answering.values() if agent.timezone}:
        try:
            local = now.astimezone(ZoneInfo(zone))
        except (OSError, ValueError, KeyError):
            yield Check(
                "timezone", "bad", f'"{zone}" is not known', "use a name such as Europe/Berlin; or `pip install tzdata`"
            )
        else:
            yield Check("timezone", "good", f"{zone}, now {local:%H:%M}")


def _talks(settings: Settings) -> bool:
    return any(agent.uses_pipeline for agent in settings.answering.values())


def _runtimes(settings: Settings) -> Iterator[Check]:
    if not _talks(settings):
        return
    kinds = {table.kind for table in named_tables(settings).values()}
    for kind, module, package in _RUNTIMES:
        if kind and kind not in kinds:
            continue
        try:
            importlib.import_module(module)
        except ImportError as exc:
            yield Check("runtime", "bad", f"{package}: {exc}", "run `pip install 'offhook[local]'`")
        else:
            yield Check("runtime", "good", package)


def _models(settings: Settings) -> tuple[str, ...]:
    return needed(settings) if _talks(settings) else ()


def _model(name: str, settings: Settings) -> Check:
    return _attempt("model", name, lambda: f"{name}: {locate(name, settings)}")


def _attempt(name: str, what: str, work: Callable[[], str]) -> Check:
    """A check by doing. An error of ours says what to do itself."""
    try:
        return Check(name, "good", work())
    except OffhookError as exc:
        problem, _, remedy = str(exc).partition("\n  ")
        return Check(name, "bad", problem, remedy)
    except ImportError as exc:
        return Check(name, "bad", f"{what}: {exc}", "install offhook again")


def _ports(settings: Settings) -> Iterator[Check]:
    server, audiosocket = settings.server, settings.audiosocket
    yield _port("http", server.http_host, server.http_port, "server.http_port")
    if audiosocket.enabled:
        yield _port("audiosocket", audiosocket.host, audiosocket.port, "audiosocket.port")
    if server.health_port is not None:
        yield _port("health", server.http_host, server.health_port, "server.health_port")


def _port(name: str, host: str, port: int, setting: str) -> Check:
    where = f"{name} on {host}:{port}"
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as exc:
        owner = port_owner(port)
        taken = f"{where}: taken by {owner}" if owner else f"{where}: {exc.strerror or exc}"
        return Check("port", "bad", taken, f"stop that program, or set {setting} to another port")
    return Check("port", "good", f"{where} is free")


def port_owner(port: int, proc: Path = Path("/proc")) -> str:
    """Name and id of the process that listens on a TCP port; empty where the system does not tell."""
    sockets = {f"socket:[{inode}]" for table in ("tcp", "tcp6") for inode in _listeners(proc / "net" / table, port)}
    for link in proc.glob("[0-9]*/fd/*") if sockets else ():
        try:
            if str(link.readlink()) in sockets:
                process = link.parents[1]
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
        except OSError:
            # The process, or just that file, is gone meanwhile, or is none of ours to see.
            continue
    return ""


def _listeners(table: Path, port: int) -> list[str]:
    """Inodes of the sockets that listen on `port`, from the kernel's table."""
    try:
        rows = [line.split() for line in table.read_text().splitlines()[1:]]
    except OSError:
        return []
    return [row[9] for row in rows if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port]


def _data_dir(folder: Path) -> Check:
    try:
        existing = next(each for each in (folder, *folder.absolute().parents) if each.exists())
        with tempfile.TemporaryFile(dir=existing):
            free = shutil.disk_usage(existing).free
    except OSError as exc:
        return Check("data", "bad", f"{folder}: {exc.strerror}", "set server.data_dir to a folder that can be written")
    found = f"{folder}, {free / 1e9:.1f} GB free"
    if free < _LOW_SPACE_BYTES:
        return Check("data", "poor", found, "an hour of recording takes 115 MB; free some space")
    return Check("data", "good", found)


def _agent(name: str, agent: AgentSettings) -> Iterator[Check]:
    for kind, path in (("flow", agent.flow), ("facts", agent.facts)) if agent.engine != "loopback" else ():
        yield _flow_file(name, kind, path, agent)


def _flow_file(name: str, kind: str, path: Path | None, agent: AgentSettings) -> Check:
    def load() -> str:
        more = {"tools": _own_tools(agent)} if kind == "flow" else {}
        getattr(importlib.import_module("offhook.providers.llm.flow"), f"load_{kind}")(path, **more)
        return f"{name}: {path or f'built-in {kind}'}"

    return _attempt("agent", f"{name}: {kind}", load)


def _own_tools(agent: AgentSettings) -> list[str]:
    """Names of tools that a flow may call besides the built-in ones; the code is run for them, as the server does."""
    if agent.code is None:
        return [*agent.tools]
    code = importlib.import_module("offhook.server.agent_code").load_code(agent.code)
    return [*agent.tools, *(tool.spec.name for each in code for tool in each.tools)]


def _provider(stage: str, name: str, table: ProviderTable) -> Iterator[Check]:
    if missing := missing_key(stage, name, table):
        yield Check("key", "bad", f"{name}: {missing.problem}", missing.hint)
    elif cloud := cloud_of(table):
        try:
            asyncio.run(_asked(cloud))
        except ProviderError as exc:
            if key_refused(exc):
                refused = refused_key(stage, name, table, exc.status)
                yield Check(stage, "bad", f"{name}: {refused.problem}", refused.hint)
            else:
                remedy = f"check the base_url of {stage}.{name}, and that the server is running"
                yield Check(stage, "bad", f"{name}: {exc}", remedy)
        else:
            yield Check(stage, "good", f"{name}: {cloud.name} answers")


async def _asked(cloud: Cloud) -> None:
    # What clients log would stand between the checks.
    with capture_logs():
        try:
            await Watched(cloud, cloud.name, check=cloud.check).check()
        finally:
            await cloud.close()
