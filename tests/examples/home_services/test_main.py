import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import orjson
import pytest

from tests.examples.home_services.test_agent import EXAMPLE, free_port


def test_the_company_s_system_runs_alone(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "backend", "--port", str(port), "--file", str(tmp_path / "company.sqlite3")]
    environ = {**os.environ, "BACKEND_API_KEY": "key-of-the-company"}
    process = subprocess.Popen(command, cwd=EXAMPLE, env=environ, stdout=subprocess.DEVNULL)
    try:
        _until_it_listens(port)
        url = f"http://127.0.0.1:{port}/everything"
        with urlopen(Request(url, headers={"Authorization": "Bearer key-of-the-company"}), timeout=10) as answer:
            assert len(orjson.loads(answer.read())["customers"]) == 2
        with pytest.raises(HTTPError) as refused:
            urlopen(url, timeout=10)
        assert refused.value.code == 401
        refused.value.close()
    finally:
        process.terminate()
        process.wait(timeout=30)


def _until_it_listens(port: int) -> None:
    give_up = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=10).close()
        except OSError:
            assert time.monotonic() < give_up
            time.sleep(0.05)
        else:
            return
