import os
import struct
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import offhook
from offhook.audio.files import WavWriter, parse_wav, read_wav, write_wav
from offhook.audio.g711 import alaw_decode, mulaw_decode
from offhook.audio.samples import pcm_samples
from offhook.audio.tones import white_noise
from offhook.errors import AudioError

PCM, FLOAT, ALAW, MULAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
LEFT, RIGHT = white_noise(1000, 8_000, seed=1), white_noise(1000, 8_000, seed=2)


def chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    return name + struct.pack("<I", len(content) if size is None else size) + content + bytes(len(content) % 2)


def fmt(code: int, bits: int, *, channels: int = 1, rate: int = 8_000, extra: bytes = b"") -> bytes:
    block = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", code, channels, rate, rate * block, block, bits) + extra)


def riff(*chunks: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 4 + sum(map(len, chunks))) + b"WAVE" + b"".join(chunks)


def values(content: bytes) -> list[int]:
    first: list[int] = parse_wav(content).samples[:, 0].tolist()
    return first


def stdlib_frames(path: Path) -> bytes:
    with wave.open(str(path)) as file:
        frames: bytes = file.readframes(file.getnframes())
        return frames


# Writing


def test_a_written_file_is_read_by_the_standard_library(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    with WavWriter(path, 8_000, 2) as writer:
        writer.write(LEFT, RIGHT)
        assert writer.seconds == 1
    with wave.open(str(path)) as file:
        assert file.getparams()[:4] == (2, 2, 8_000, 8_000)
    rate, channels, samples = read_wav(path)
    assert (rate, channels) == (8_000, 2)
    assert samples[:, 0].tobytes() == LEFT
    assert samples[:, 1].tobytes() == RIGHT


def test_a_whole_array_is_written_at_once(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    mono = np.arange(-50, 50, dtype=np.int16)
    write_wav(path, mono, 16_000)
    assert stdlib_frames(path) == mono.tobytes()
    write_wav(path, mono.reshape(-1, 2), 16_000)
    assert read_wav(path).samples.tolist() == mono.reshape(-1, 2).tolist()


def test_the_file_is_valid_after_every_write(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    with WavWriter(path, 8_000) as writer:
        assert stdlib_frames(path) == b""
        for end in range(320, 16_001, 320):
            writer.write(LEFT[end - 320 : end])
            assert LEFT[:end].startswith(stdlib_frames(path))
            assert read_wav(path).samples.tobytes() == LEFT[:end]
        assert stdlib_frames(path) == LEFT


def test_the_header_is_never_far_behind(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    with WavWriter(path, 8_000, update_ms=100) as writer:
        for end in range(320, 16_001, 320):
            writer.write(LEFT[end - 320 : end])
            assert end - len(stdlib_frames(path)) < 1600


def test_flush_counts_everything(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    with WavWriter(path, 8_000) as writer:
        writer.write(LEFT[:320])
        writer.flush()
        assert stdlib_frames(path) == LEFT[:320]


def test_closing_twice_is_closing(tmp_path: Path) -> None:
    writer = WavWriter(tmp_path / "call.wav", 8_000)
    writer.close()
    writer.close()


WRITE_FOR_EVER = """
import sys
from pathlib import Path
from offhook.audio.files import WavWriter
writer = WavWriter(Path(sys.argv[1]), 8000, 2)
number = 0
while True:
    track = (number % 30000).to_bytes(2, "little") * 160
    writer.write(track, track)
    number += 1
    print(number, flush=True)
"""


def test_a_killed_process_leaves_a_valid_file(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    environment = {**os.environ, "PYTHONPATH": str(Path(offhook.__file__).parents[1])}
    with subprocess.Popen(
        [sys.executable, "-c", WRITE_FOR_EVER, str(path)], stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stdout is not None
        written = next(int(line) for line in process.stdout if int(line) >= 333)
        process.kill()
    expected = np.repeat(np.arange(20_000, dtype=np.int16), 160)
    found = np.frombuffer(stdlib_frames(path), "<i2").reshape(-1, 2)
    assert len(found) >= (written - 50) * 160
    assert (found == expected[: len(found), None]).all()
    recovered = read_wav(path).samples
    assert len(recovered) >= written * 160
    assert (recovered == expected[: len(recovered), None]).all()


@pytest.mark.parametrize("tracks", [(), (b"",), (bytes(2), bytes(4)), (bytes(3), bytes(3)), (b"", b"", b"")])
def test_tracks_that_do_not_fit_are_refused(tmp_path: Path, tracks: tuple[bytes, ...]) -> None:
    with WavWriter(tmp_path / "call.wav", 8_000, 2) as writer, pytest.raises(AudioError, match="2 equally long tracks"):
        writer.write(*tracks)


def test_more_than_a_wav_can_hold_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offhook.audio.files._MOST_BYTES", 1000)
    with WavWriter(tmp_path / "call.wav", 8_000) as writer:
        writer.write(bytes(1000))
        with pytest.raises(AudioError, match="4 GB"):
            writer.write(bytes(2))


# In a process of its own: the limit would also hold for the file that the output of the tests may go to.
WRITE_ON_A_FULL_DISK = """
import resource, sys
from pathlib import Path
from offhook.audio.files import WavWriter
sound = sys.stdin.buffer.read()
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
with WavWriter(Path(sys.argv[1]), 8_000) as writer:
    writer.write(sound[:8_000])
    try:
        writer.write(sound[8_000:])
    except OSError as error:
        print(error.strerror)
    writer.write(sound[8_000:8_320])
"""


def test_a_full_disk_leaves_a_valid_file(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    environment = {**os.environ, "PYTHONPATH": str(Path(offhook.__file__).parents[1])}
    command = [sys.executable, "-c", WRITE_ON_A_FULL_DISK, str(path)]
    done = subprocess.run(command, input=LEFT, stdout=subprocess.PIPE, env=environment, check=True)
    assert done.stdout == b"File too large\n"
    assert stdlib_frames(path) == LEFT[:8_320]


def test_a_folder_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        WavWriter(tmp_path / "nowhere" / "call.wav", 8_000)
    with pytest.raises(FileNotFoundError):
        read_wav(tmp_path / "call.wav")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a system without /dev/full")
def test_a_disk_without_room_for_a_header_is_an_os_error() -> None:
    with pytest.raises(OSError, match="No space left"):
        WavWriter(Path("/dev/full"), 8_000)


# Reading


@pytest.mark.parametrize(
    ("code", "bits", "data", "expected"),
    [
        (PCM, 8, b"\x00\x80\xff\x81", [-32768, 0, 32512, 256]),
        (PCM, 16, b"\x00\x80\xff\x7f\x01\x00", [-32768, 32767, 1]),
        (PCM, 24, b"\xff\x00\x80\x00\xff\x7f\x00\x01\x00", [-32768, 32767, 1]),
        (PCM, 32, b"\xff\xff\x00\x80\x00\x00\xff\x7f", [-32768, 32767]),
        (FLOAT, 32, struct.pack("<5f", -1, 0.5, 1, 7, -7), [-32768, 16384, 32767, 32767, -32768]),
        (FLOAT, 64, struct.pack("<5d", -1, 0.25, 1, 1e300, -0.0), [-32768, 8192, 32767, 32767, 0]),
        (FLOAT, 32, struct.pack("<3f", float("nan"), float("inf"), float("-inf")), [0, 32767, -32768]),
        (ALAW, 8, bytes(range(256)), pcm_samples(alaw_decode(bytes(range(256)))).tolist()),
        (MULAW, 8, bytes(range(256)), pcm_samples(mulaw_decode(bytes(range(256)))).tolist()),
    ],
)
def test_encodings(code: int, bits: int, data: bytes, expected: list[int]) -> None:
    assert values(riff(fmt(code, bits), chunk(b"data", data))) == expected


@pytest.mark.parametrize(("code", "bits", "data"), [(PCM, 16, b"\x05\x00"), (FLOAT, 32, struct.pack("<f", 5 / 32768))])
def test_the_extensible_header(code: int, bits: int, data: bytes) -> None:
    extra = struct.pack("<HHIH", 22, bits, 0, code) + GUID_TAIL
    assert values(riff(fmt(EXTENSIBLE, bits, extra=extra), chunk(b"data", data))) == [5]


def test_channels() -> None:
    wav = parse_wav(riff(fmt(PCM, 16, channels=3, rate=44_100), chunk(b"data", struct.pack("<6h", *range(6)))))
    assert (wav.rate, wav.channels) == (44_100, 3)
    assert wav.samples.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_samples_are_the_readers_own() -> None:
    samples = parse_wav(riff(fmt(PCM, 16), chunk(b"data", b"\x01\x00"))).samples
    samples[0] = 7


def test_other_chunks_are_passed_over() -> None:
    odd = chunk(b"LIST", b"odd")
    content = riff(odd, fmt(PCM, 16), odd, chunk(b"data", b"\x01\x00\x02\x00"), odd, chunk(b"id3 ", bytes(7)))
    assert values(content) == [1, 2]
    assert values(content[:-1]) == [1, 2]


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0, 2, 7, 4000])
def test_a_data_size_that_is_wrong_lasts_to_the_end(size: int) -> None:
    data = struct.pack("<20h", *range(1, 21))
    assert values(riff(fmt(PCM, 16), chunk(b"data", data, size))) == list(range(1, 21))


def test_a_file_cut_in_a_sample_ends_before_it() -> None:
    content = riff(fmt(PCM, 16, channels=2), chunk(b"data", struct.pack("<4h", 1, 2, 3, 4)))
    assert parse_wav(content[:-1]).samples.tolist() == [[1, 2]]
    assert parse_wav(content[:-3]).samples.tolist() == [[1, 2]]
    assert parse_wav(content[:44]).samples.shape == (0, 2)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "not a WAV file"),
        (b"RIFX" + riff(fmt(PCM, 16))[4:], "not a WAV file"),
        (b"RIFF\x04\x00\x00\x00AVI ", "not a WAV file"),
        (riff(), "without data"),
        (riff(fmt(PCM, 16)), "without data"),
        (riff(fmt(PCM, 16), b"data"), "without data"),
        (riff(chunk(b"data", b"\x00\x00"), fmt(PCM, 16)), "before its format"),
        (riff(chunk(b"fmt ", bytes(14)), chunk(b"data", b"")), "14 bytes, where 16 are needed"),
        (riff(fmt(PCM, 12), chunk(b"data", b"")), "0x0001 of 12 bits"),
        (riff(fmt(0x11, 4), chunk(b"data", b"")), "0x0011 of 4 bits"),
        (riff(fmt(EXTENSIBLE, 16), chunk(b"data", b"")), "0xfffe of 16 bits"),
        (riff(fmt(PCM, 16, channels=0), chunk(b"data", b"")), "0 channels"),
        (riff(fmt(PCM, 16, rate=0), chunk(b"data", b"")), "0 Hz"),
    ],
)
def test_what_is_no_wav_says_why(content: bytes, problem: str) -> None:
    with pytest.raises(AudioError, match=problem):
        parse_wav(content)


def test_the_path_is_in_the_message(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"hello")
    with pytest.raises(AudioError, match=r"notes\.txt: not a WAV file"):
        read_wav(path)


VALID = riff(fmt(PCM, 16, channels=2), chunk(b"LIST", b"abc"), chunk(b"data", LEFT[:64]), chunk(b"id3 ", bytes(7)))


@settings(max_examples=500, deadline=None)
@given(
    body=st.binary(max_size=200),
    edits=st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), max_size=6),
    length=st.integers(0, len(VALID)),
)
def test_garbage_is_audio_or_an_audio_error(body: bytes, edits: list[tuple[int, int]], length: int) -> None:
    damaged = bytearray(VALID)
    for at, value in edits:
        damaged[at] = value
    for content in (body, b"RIFF\0\0\0\0WAVE" + body, riff(fmt(PCM, 16), body), bytes(damaged[:length])):
        try:
            wav = parse_wav(content)
        except AudioError:
            continue
        assert wav.samples.dtype == np.int16
        assert wav.samples.shape[1:] == (wav.channels,)


@settings(max_examples=200, deadline=None)
@given(
    encoding=st.sampled_from([(PCM, 8), (PCM, 24), (PCM, 32), (FLOAT, 32), (FLOAT, 64), (ALAW, 8), (MULAW, 8)]),
    data=st.binary(max_size=100),
)
def test_any_bits_are_samples(encoding: tuple[int, int], data: bytes) -> None:
    code, bits = encoding
    assert len(values(riff(fmt(code, bits), chunk(b"data", data)))) == len(data) * 8 // bits
