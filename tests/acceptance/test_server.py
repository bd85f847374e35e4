"""The server as an operator meets it: started, called, stopped, killed."""

import signal
import socket
import subprocess
import threading
import time
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.acceptance.phone import Phone
from tests.acceptance.running import OFFHOOK, RunningServer, running_server

LOOPBACK = '[agents.echo]\nengine = "loopback"\n'
TONE = (np.sin(np.arange(160) * 2 * np.pi / 16) * 8000).astype("<i2").tobytes()


def until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def recorded(server: RunningServer, phone: Phone) -> "np.ndarray[tuple[int, int], np.dtype[np.int16]]":
    [path] = (server.folder / "var" / "recordings").glob(f"*-{phone.call_id}.wav")
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 8000)
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    return samples.reshape(-1, 2)


def test_a_call_is_answered_recorded_and_noted(tmp_path: Path) -> None:
    with running_server(tmp_path, LOOPBACK) as server, Phone(server.port) as phone:
        phone.talk(100, TONE)
        assert server.health()["calls"] == 1
        phone.hang_up()
        until(lambda: server.health()["calls"] == 0)
        assert server.stop() == 0
        [record] = server.records()
        sides = recorded(server, phone)
    assert (record["call_id"], record["end_reason"]) == (str(phone.call_id), "caller_hung_up")
    assert abs(record["duration_ms"] - 2_000) < 500
    assert abs(len(sides) / 8 - record["duration_ms"]) <= 100
    assert np.abs(sides).max(axis=0).min() > 7_000
    assert bytes(phone.received).count(TONE) >= 80


def test_a_killed_server_leaves_a_recording_and_a_record_that_can_be_read(tmp_path: Path) -> None:
    with running_server(tmp_path, LOOPBACK) as server, Phone(server.port) as phone:
        phone.talk(200, TONE)
        server.stop(signal.SIGKILL)
        assert len(recorded(server, phone)) >= 2 * 8_000
        assert server.records()[0]["end_reason"] is None


def test_stopping_waits_for_a_call_and_takes_no_new_one(tmp_path: Path) -> None:
    with running_server(tmp_path, LOOPBACK) as server, Phone(server.port) as phone:
        phone.talk(50)
        server.process.send_signal(signal.SIGTERM)
        until(lambda: "waiting for calls in progress" in server.output)
        phone.talk(50)
        assert server.process.poll() is None
        with Phone(server.port) as refused:
            assert refused.listen_to_the_end().endswith(bytes(3))
        phone.hang_up()
        assert server.stop(0) == 0
        assert [record["end_reason"] for record in server.records()] == ["caller_hung_up"]


def test_a_second_signal_ends_the_calls_by_handing_them_back(tmp_path: Path) -> None:
    with running_server(tmp_path, LOOPBACK) as server, Phone(server.port) as phone:
        phone.talk(25)
        server.process.send_signal(signal.SIGINT)
        until(lambda: "waiting for calls in progress" in server.output)
        ending = threading.Thread(target=server.stop, args=(signal.SIGINT,))
        ending.start()
        assert phone.listen_to_the_end().endswith(bytes(3))
        phone.hang_up()
        ending.join()
        assert server.records()[0]["end_reason"] == "shutdown"


def test_a_port_in_use_is_told_with_its_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = tmp_path / "offhook.toml"
        for setting in ("[server]\nhttp_port", "[audiosocket]\nport"):
            other = "[server]\nhttp_port = 0\n" if "audiosocket" in setting else "[audiosocket]\nport = 0\n"
            config.write_text(f"{setting} = {port}\n{other}{LOOPBACK}")
            ran = subprocess.run(
                [*OFFHOOK, "serve", "--config", str(config)], capture_output=True, text=True, timeout=60, check=False
            )
            assert ran.returncode == 2
            assert str(port) in ran.stderr
            assert "port" in ran.stderr
            assert "Traceback" not in ran.stderr


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file")
    config = tmp_path / "offhook.toml"
    config.write_text(f"[server]\nhttp_port = 0\n[audiosocket]\nport = 0\n{LOOPBACK}")
    ran = subprocess.run(
        [*OFFHOOK, "serve", "--config", str(config)], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 2
    assert "server.data_dir" in ran.stderr


def test_a_missing_model_is_told_before_any_call(tmp_path: Path) -> None:
    config = tmp_path / "offhook.toml"
    config.write_text(
        '[server]\nhttp_port = 0\n[audiosocket]\nport = 0\n[models]\ndir = "none"\nstt = "whisper-tiny.en"\n'
    )
    ran = subprocess.run(
        [*OFFHOOK, "serve", "--config", str(config)], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 1
    assert "offhook models fetch" in ran.stderr
