"""Looks over a machine before the first call: what is needed, what is there, and what to do about the difference."""

import importlib
import shutil
import socket
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from offhook.checks import Check
from offhook.config import AgentSettings, LlmSettings, Settings
from offhook.config_files import Loaded
from offhook.errors import OffhookError
from offhook.providers.models import locate, needed

__all__ = ["Check", "examine", "port_owner"]

_RUNTIMES = {
    "ctranslate2": "ctranslate2",
    "tokenizers": "tokenizers",
    "onnxruntime": "onnxruntime",
    "hibari": "hibari-tts",
}
_LOW_SPACE_BYTES = 1_000_000_000
_LLM_TIMEOUT_S = 4
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
    for name, agent in settings.agents.items():
        yield from _agent(name, agent, settings)
    yield from importlib.import_module("offhook.doctor_carriers").carrier_checks(settings)


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] >= _OLDEST_PYTHON:
        return Check("python", "good", version)
    return Check("python", "bad", version, "install Python 3.11 or later")


def _clock(settings: Settings) -> Iterator[Check]:
    now = datetime.now(UTC)
    state: Literal["good", "bad"] = "good" if now.year >= _EARLIEST_YEAR else "bad"
    yield Check("clock", state, now.isoformat(" ", "seconds"), "" if state == "good" else "set the machine's clock")
    for zone in {agent.timezone for agent in settings.agents.values() if agent.timezone}:
        try:
            local = now.astimezone(ZoneInfo(zone))
        except (OSError, ValueError, KeyError):
            yield Check(
                "timezone", "bad", f'"{zone}" is not known', "use a name such as Europe/Berlin; or `pip install tzdata`"
            )
        else:
            yield Check("timezone", "good", f"{zone}, now {local:%H:%M}")


def _local(settings: Settings) -> bool:
    return any(agent.engine == "pipeline" for agent in settings.agents.values())


def _runtimes(settings: Settings) -> Iterator[Check]:
    for module, package in _RUNTIMES.items() if _local(settings) else ():
        try:
            importlib.import_module(module)
        except ImportError as exc:
            yield Check("runtime", "bad", f"{package}: {exc}", "run `pip install 'offhook[local]'`")
        else:
            yield Check("runtime", "good", package)


def _models(settings: Settings) -> tuple[str, ...]:
    return needed(settings) if _local(settings) else ()


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


def _agent(name: str, agent: AgentSettings, settings: Settings) -> Iterator[Check]:
    if agent.engine != "pipeline":
        return
    for llm in map(settings.llm_settings, agent.llm):
        if llm.kind == "openai":
            yield from _llm(name, llm)
        else:
            for kind, path in (("flow", agent.flow), ("facts", agent.facts)):
                yield _flow_file(name, kind, path)


def _flow_file(name: str, kind: str, path: Path | None) -> Check:
    def load() -> str:
        getattr(importlib.import_module("offhook.providers.llm.flow"), f"load_{kind}")(path)
        return f"{name}: {path or f'built-in {kind}'}"

    return _attempt("agent", f"{name}: {kind}", load)


def _llm(name: str, llm: LlmSettings) -> Iterator[Check]:
    key_name = llm.api_key_env or "OPENAI_API_KEY"
    if llm.api_key is None and not _is_private(llm.base_url):
        yield Check("key", "bad", f"{name}: {key_name} is not set", f"put {key_name} into .env")
        return
    status, problem = _ask(llm)
    remedy = "check the base_url of its llm table, and that the server is running"
    if status in (401, 403):
        yield Check("llm", "bad", f"{name}: the key is refused ({status})", f"put the right {key_name} into .env")
    elif problem or status >= 500:
        yield Check("llm", "bad", f"{name}: {problem or f'answers {status}'}", remedy)
    else:
        yield Check("llm", "good", f"{name}: {urlsplit(llm.base_url).hostname} answers")


def _is_private(address: str) -> bool:
    """Whether a server is on this machine or network, where keys are seldom needed."""
    host = urlsplit(address).hostname or ""
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal"))


def _ask(llm: LlmSettings) -> tuple[int, str]:
    """Status of the server's list of models, or why there is none."""
    headers = {"User-Agent": "offhook"}
    if llm.api_key is not None:
        headers["Authorization"] = f"Bearer {llm.api_key.get_secret_value()}"
    request = urllib.request.Request(f"{llm.base_url.rstrip('/')}/models", headers=headers)  # noqa: S310 - http by its pattern
    try:
        with urllib.request.urlopen(request, timeout=_LLM_TIMEOUT_S) as response:  # noqa: S310
            return response.status, ""
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code, ""
    except (OSError, ValueError) as exc:
        return 0, f"cannot be reached: {getattr(exc, 'reason', exc)}"
