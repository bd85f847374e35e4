"""A server of its own for a measurement: started with settings for it, and stopped afterwards."""

import asyncio
import os
import socket
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from offhook.errors import ConfigError
from offhook.simulator.audiosocket import Address
from offhook.simulator.bench.process import listens

__all__ = ["Engine", "ServerUnderTest", "Surroundings", "bench_settings", "own_server"]

START_S = 60.0
STOP_S = 10.0
POLL_S = 0.005
Engine = str


@dataclass(frozen=True, slots=True)
class ServerUnderTest:
    """A running server. `start_s` is the time from its start to its listening; None if it ran before. `http_port` is
    known of one that was started for the measurement."""

    address: Address
    pid: int
    start_s: float | None = None
    http_port: int = 0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a server has around it: tables of settings that say so, and keys in its environment."""

    tables: str
    environment: Mapping[str, str] = field(default_factory=dict)


def bench_settings(
    port: int,
    http_port: int,
    folder: Path,
    *,
    engine: Engine,
    max_calls: int,
    vad: bool,
    recording: bool,
    tables: str = "",
) -> str:
    """The `offhook.toml` of a server to be measured; `tables` in place of an agent of the usual kind."""
    agent = f'engine = "loopback"\nmeasure_vad = {_toml(vad)}' if engine == "loopback" else 'engine = "pipeline"'
    return f"""[server]
http_port = {http_port}
data_dir = '{folder / "data"}'
log_level = "warning"

[audiosocket]
port = {port}

[limits]
max_calls = {max_calls}
drain_s = 0

[recording]
enabled = {_toml(recording)}

{tables or f"[agents.bench]{chr(10)}{agent}"}
"""


def _toml(value: bool) -> str:
    return "true" if value else "false"


@asynccontextmanager
async def own_server(
    *, engine: Engine, max_calls: int, vad: bool, recording: bool, surroundings: Surroundings | None = None
) -> AsyncIterator[ServerUnderTest]:
    """A server in a process of its own, on ports that are free. Raises ConfigError if it does not start."""
    around = surroundings or Surroundings("")
    with TemporaryDirectory(prefix="offhook-bench-") as name:
        folder = Path(name)
        port, http_port = _free_ports()
        text = bench_settings(
            port,
            http_port,
            folder,
            engine=engine,
            max_calls=max_calls,
            vad=vad,
            recording=recording,
            tables=around.tables,
        )
        (folder / "offhook.toml").write_text(text)
        start = time.monotonic()
        process = await _spawn(folder, {**_environment(), **around.environment})
        try:
            await _listening(process, (port, http_port), folder / "log")
            yield ServerUnderTest(Address(port=port), process.pid, round(time.monotonic() - start, 3), http_port)
        finally:
            await _stop(process)


async def _spawn(folder: Path, environment: dict[str, str]) -> Process:
    # The folder has all of its settings: neither `.env` nor offhook.toml of the user is read.
    command = (sys.executable, "-c", "from offhook.cli import main; main()", "serve", "--config", "offhook.toml")
    with (folder / "log").open("wb") as log:
        return await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=log, stderr=log, env=environment)


def _environment() -> dict[str, str]:
    """Ours, with import paths that hold in another folder."""
    paths = os.environ.get("PYTHONPATH", "")
    absolute = os.pathsep.join(str(Path(path).resolve()) for path in paths.split(os.pathsep) if path)
    return {**os.environ, **({"PYTHONPATH": absolute} if absolute else {})}


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


async def _listening(process: Process, ports: tuple[int, ...], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while not all(listens(port) for port in ports):
        if process.returncode is not None:
            raise ConfigError(f"the server ended with status {process.returncode}:\n{_tail(log)}")
        if time.monotonic() > deadline:
            raise ConfigError(f"the server did not listen within {START_S:g} s:\n{_tail(log)}")
        await asyncio.sleep(POLL_S)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])


async def _stop(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_S)
    except TimeoutError:
        process.kill()
        await process.wait()
