import os
import socket
import subprocess
import sys
import time

import pytest

from offhook.errors import ConfigError
from offhook.simulator.bench.process import CpuMeter, listens, memory, tree

SPIN = "import time\nend = time.monotonic() + 20\nwhile time.monotonic() < end: pass"


def test_a_busy_process_uses_a_core() -> None:
    with subprocess.Popen([sys.executable, "-c", SPIN]) as child:
        meter = CpuMeter(child.pid)
        time.sleep(0.5)
        used = meter.percent()
        child.kill()
    assert 25 < used < 115


def test_memory_is_that_of_the_whole_tree() -> None:
    alone = memory(os.getpid())
    assert alone.rss_mb > 10
    assert 0 < alone.pss_mb <= alone.rss_mb
    with subprocess.Popen([sys.executable, "-c", SPIN]) as child:
        time.sleep(0.2)
        assert child.pid in tree(os.getpid())
        assert memory(os.getpid()).rss_mb > alone.rss_mb + 3
        child.kill()


def test_there_is_no_such_process() -> None:
    with pytest.raises(ConfigError, match="there is no process"):
        tree(4_194_304 + 1)


def test_a_listening_port_is_seen_without_connecting() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        assert not listens(port)
        listener.listen()
        assert listens(port)
