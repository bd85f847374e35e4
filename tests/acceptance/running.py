"""A real `offhook serve` in a process of its own, on free ports and in a folder of its own."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import orjson

import offhook

__all__ = ["OFFHOOK", "RunningServer", "running_server"]

OFFHOOK = (sys.executable, "-m", "offhook")
_START_S = 120
_PORTS = re.compile(r"HTTP\s+http://127\.0\.0\.1:(\d+).*AudioSocket\s+127\.0\.0\.1:(\d+)", re.DOTALL)


class RunningServer:
    """The process, what it printed, and where it listens. `environ` is put into its environment."""

    def __init__(self, folder: Path, settings: str, environ: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        config = folder / "offhook.toml"
        config.write_text(settings)
        # The sources under test, wherever the server runs.
        sources = {"PYTHONPATH": str(Path(offhook.__file__).parents[1])}
        ports = {"OFFHOOK_SERVER__HTTP_PORT": "0", "OFFHOOK_AUDIOSOCKET__PORT": "0"}
        self.environ = {**os.environ, **sources, **ports, **(environ or {})}
        self.process = subprocess.Popen(
            [*OFFHOOK, "serve", "--config", str(config)],
            cwd=folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.http_port, self.port = self._ports()
        except AssertionError:
            self.close()
            raise

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)

    @property
    def output(self) -> str:
        return "".join(self.lines)

    def _ports(self) -> tuple[int, int]:
        give_up = time.monotonic() + _START_S
        while time.monotonic() < give_up and self.process.poll() is None:
            if found := _PORTS.search(self.output):
                return int(found[1]), int(found[2])
            time.sleep(0.05)
        raise AssertionError(f"the server did not start:\n{self.output}")

    def health(self) -> Any:
        with urlopen(f"http://127.0.0.1:{self.http_port}/health", timeout=10) as answer:
            return orjson.loads(answer.read())

    def records(self) -> list[dict[str, Any]]:
        paths = sorted((self.folder / "var" / "calls").glob("*.json"))
        return [orjson.loads(path.read_bytes()) for path in paths]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Signal it and wait for its end; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(timeout=90)
        self.close()
        return status

    def close(self) -> None:
        """Kill it if it still runs, and close its output."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(timeout=10)
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextmanager
def running_server(folder: Path, settings: str, environ: Mapping[str, str] | None = None) -> Iterator[RunningServer]:
    """A server that is stopped at the end, whatever happens."""
    server = RunningServer(folder, settings, environ)
    try:
        yield server
    finally:
        server.close()
