import json
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from offhook import __version__, cli
from offhook.config import Settings

RECORD = {
    "call_id": "0b1e9d3c-aaaa-4bbb-8ccc-000000000001",
    "started_at": "2026-03-04T05:06:07Z",
    "carrier": "audiosocket",
    "agent": "reception",
    "duration_ms": 83_000,
    "end_reason": "caller_hung_up",
    "turns": [
        {"event": "AgentSaid", "start_ms": 40, "heard": "Hello.", "interrupted": False},
        {"event": "CallerSaid", "start_ms": 2000, "text": "Hi."},
        {"event": "AgentSaid", "start_ms": 2800, "heard": "How can I help?", "interrupted": False},
    ],
}

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs a command line in an empty folder: exit status, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("OFFHOOK_MODELS__DIR", str(tmp_path / "models"))

    def command(*args: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["offhook", *args])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    return command


def module(monkeypatch: pytest.MonkeyPatch, name: str, **members: object) -> None:
    """Put a module with these members where imports find it."""
    made = types.ModuleType(name)
    vars(made).update(members)
    monkeypatch.setitem(sys.modules, name, made)


def write_record(folder: Path, **changes: object) -> None:
    record = {**RECORD, **changes}
    (folder / "var" / "calls").mkdir(parents=True, exist_ok=True)
    (folder / "var" / "calls" / f"{record['call_id']}.json").write_text(json.dumps(record))


def test_version(run: Run) -> None:
    assert run("--version") == (0, f"offhook {__version__}\n", "")


def test_without_a_command_the_help_is_shown_in_a_narrow_terminal(run: Run) -> None:
    _, out, err = run()
    assert all(name in out + err for name in ("serve", "init", "doctor", "models", "calls", "simulate", "bench"))
    assert max(map(len, (out + err).splitlines())) <= 60
    assert not [line for line in (out + err).splitlines()[1:] if line.endswith("...")]
    assert "\x1b" not in out + err


@pytest.mark.parametrize(
    "command",
    [
        ["serve"],
        ["init"],
        ["doctor"],
        ["models"],
        ["models", "fetch"],
        ["calls"],
        ["call"],
        ["experiments"],
        ["costs"],
    ],
)
def test_help_of_every_command(run: Run, command: list[str]) -> None:
    status, out, _ = run(*command, "--help")
    assert status == 0
    assert out.startswith(f"Usage: offhook {' '.join(command)}")


def test_init_then_serve(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Settings] = []

    def serve(settings: Settings, *, tunnel: bool) -> int:
        given.append(settings)
        return 4 if tunnel else 3

    module(monkeypatch, "offhook.server.app", run=serve)
    monkeypatch.setattr("offhook.logs.configure_logs", lambda _: None)
    status, out, _ = run("init")
    assert (status, out.splitlines()[:2]) == (0, ["wrote offhook.toml", "wrote .env.example"])
    assert run("serve")[0] == 3
    assert run("serve", "--tunnel")[0] == 4
    assert given[0].server.data_dir == tmp_path / "var"


def test_init_refuses_to_overwrite(run: Run) -> None:
    run("init")
    status, _, err = run("init")
    assert status == 2
    assert err == "offhook: offhook.toml: is there already\n  `offhook init --force` replaces it\n"
    assert run("init", "--force")[0] == 0


def test_wrong_settings_are_told_together_without_a_traceback(run: Run, tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text("[server]\nhttp_port = 99999\nfoo = 1\n")
    status, out, err = run("serve", "--config", "my.toml")
    assert (status, out) == (2, "")
    assert err.startswith("offhook: 2 settings are wrong:\n")
    assert f"{tmp_path / 'my.toml'}:2: server.http_port: 99999 is out of range" in err
    assert "Traceback" not in err


def test_example_values_are_noted(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-your-key-here\n")
    assert "note: " in run("calls")[2]


def test_interrupting_is_quiet(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: Settings, *, tunnel: bool) -> int:
        raise KeyboardInterrupt

    module(monkeypatch, "offhook.server.app", run=interrupted)
    monkeypatch.setattr("offhook.logs.configure_logs", lambda _: None)
    assert run("serve") == (130, "", "")


def test_unknown_command(run: Run) -> None:
    status, _, err = run("srve")
    assert status == 2
    assert "Did you mean 'serve'?" in err


def test_missing_models(run: Run) -> None:
    status, out, _ = run("models", "list")
    assert status == 0
    assert "run `offhook models fetch whisper-base`" in out
    status, _, err = run("models", "verify", "silero")
    assert (status, err) == (1, "offhook: silero: is not here\n  run `offhook models fetch silero`\n")


def test_fetching_from_a_folder_without_the_files(run: Run) -> None:
    status, _, err = run("models", "fetch", "silero", "--from", ".")
    assert status == 1
    assert "offhook: silero: could not be fetched\n  folder .: silero_vad.onnx: No such file" in err


@pytest.mark.models
def test_fetching_and_verifying_what_is_installed(run: Run, tmp_path: Path) -> None:
    status, out, _ = run("models", "fetch", "whisper-base", "hibari")
    assert status == 0
    assert f"whisper-base: ready in {tmp_path / 'models' / 'whisper-base'}" in out
    assert run("models", "verify", "whisper-base", "hibari")[0] == 0


def test_no_calls_yet(run: Run) -> None:
    assert run("calls")[1].startswith("no calls yet in ")


def test_calls_are_listed_the_latest_first(run: Run, tmp_path: Path) -> None:
    write_record(tmp_path)
    write_record(tmp_path, call_id="1c2e", started_at="2026-03-05T05:06:07Z", duration_ms=None)
    (tmp_path / "var" / "calls" / "half.json").write_text('{"call')
    status, out, _ = run("calls", "--limit", "5")
    assert status == 0
    assert out.index("1c2e") < out.index("0b1e9d3c")
    assert "1:23" in out
    assert max(map(len, out.splitlines())) <= 60


def test_a_call_is_shown_by_the_beginning_of_its_id(run: Run, tmp_path: Path) -> None:
    write_record(tmp_path)
    status, out, _ = run("calls", "show", "0b1e")
    assert status == 0
    assert out.splitlines()[-3:] == ["  0:00 agent: Hello.", "  0:02 caller: Hi.", "  0:02 agent: How can I help?"]


def test_calls_have_their_cost(run: Run, tmp_path: Path) -> None:
    cost = {"currency": "USD", "total": "0.0151", "unpriced": ["tts x"]}
    write_record(tmp_path, cost=cost)
    out = run("calls")[1]
    assert out.splitlines()[1].endswith("0.0151+")
    assert max(map(len, out.splitlines())) <= 60
    assert "cost: 0.0151+ USD (no price of tts x)" in run("calls", "show", "0b1e")[1].splitlines()


def test_costs_for_people_and_for_machines(run: Run) -> None:
    status, out, _ = run("costs", "--days", "3")
    assert (status, out.split()[:3]) == (0, ["no", "costs", "from"])
    assert run("costs", "--days", "36500")[0] == 0
    assert run("costs", "--days", "9999999")[0] == 2
    status, out, _ = run("costs", "--json")
    found = json.loads(out)
    assert (status, found["currency"], found["total"], found["days"]) == (0, "USD", "0", {})


@pytest.mark.parametrize(("call_id", "said"), [("9", "no call has the id 9"), ("", "2 calls have ids")])
def test_a_call_that_is_not_there_or_not_one(run: Run, tmp_path: Path, call_id: str, said: str) -> None:
    write_record(tmp_path)
    write_record(tmp_path, call_id="1c2e")
    status, _, err = run("calls", "show", call_id)
    assert status == 1
    assert said in err


@pytest.mark.parametrize("name", ["simulate", "bench"])
def test_commands_of_the_simulator_are_handed_on(run: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def command(who: str, times: int = 1, config: Path | None = None) -> None:
        typer.echo(f"{who} {times} {config}")

    module(monkeypatch, "offhook.simulator.commands", **{name: command})
    assert run(name, "sarah", "--times", "3", "--config", "x.toml") == (0, "sarah 3 x.toml\n", "")
    assert run(name, "--help")[1].startswith(f"Usage: offhook {name}")


def test_serving_imports_neither_the_simulator_nor_tables() -> None:
    code = (
        "import sys, offhook.cli, offhook.config_files, offhook.providers.models;"
        "print([m for m in ('rich', 'numpy', 'aiohttp', 'offhook.simulator.commands', 'offhook.doctor', 'platformdirs')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_it_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "offhook", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"offhook {__version__}\n"


def test_experiments_are_compared(run: Run, tmp_path: Path) -> None:
    for number in range(12):
        variant = "calm" if number % 3 else "control"
        write_record(tmp_path, call_id=f"{number}", experiment="tone", variant=variant)
    (tmp_path / "var" / "calls" / "torn.json").write_text('{"call_id"')
    status, out, _ = run("experiments", "tone")
    assert status == 0
    assert "tone, callers of reception" in out
    assert "too few calls to tell it from control (8 against 4)" in " ".join(out.split())
    assert "1 records that cannot be read" in out
    assert max(map(len, out.splitlines())) <= 60
    assert json.loads(run("experiments", "--json", "--since", "2026-03-05")[1])["experiments"] == []
    status, _, err = run("experiments", "--since", "lately")
    assert (status, "lately is not a time" in err) == (1, True)
