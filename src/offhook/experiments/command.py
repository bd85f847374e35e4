"""What `offhook experiments` answers."""

import json
from dataclasses import asdict

from rich.console import Console

from offhook.config import Settings
from offhook.errors import OffhookError
from offhook.experiments.comparing import Comparison, compare
from offhook.experiments.printing import print_comparison
from offhook.experiments.samples import Samples, moment, read_samples

__all__ = ["run"]


def run(settings: Settings, name: str = "", since: str = "", *, as_json: bool = False) -> str:
    """Compare the experiment called `name`, or all. Raises OffhookError for a name or a time that says nothing."""
    samples = read_samples(settings.server.data_dir, moment(since) if since else None)
    known = dict.fromkeys((*settings.experiments, *samples.calls))
    if name and name not in known:
        raise OffhookError(f'there is no experiment "{name}"; there are: {", ".join(known) or "none"}')
    wanted = [each for each in known if each in samples.calls and name in ("", each)]
    comparisons = [compare(each, samples.calls[each], settings.experiments.get(each)) for each in wanted]
    return _json(comparisons, samples) if as_json else _text(comparisons, samples, settings)


def _json(comparisons: list[Comparison], samples: Samples) -> str:
    left_out = {"unreadable": samples.unreadable, "unfinished": samples.unfinished}
    return json.dumps({"experiments": [asdict(each) for each in comparisons], "left_out": left_out}, indent=2) + "\n"


def _text(comparisons: list[Comparison], samples: Samples, settings: Settings) -> str:
    # The width, and whether there are colours, is for the terminal to say.
    console = Console(highlight=False)
    with console.capture() as capture:
        if not comparisons:
            console.print(f"no calls of experiments in {settings.server.data_dir / 'calls'}", soft_wrap=True)
        for place, comparison in enumerate(comparisons):
            console.print("\n" if place else "", end="")
            print_comparison(console, comparison)
        if samples.unfinished:
            console.print(f"Left out: {samples.unfinished} calls that go on, or whose end nobody saw.", style="dim")
        if samples.unreadable:
            console.print(f"Left out: {samples.unreadable} records that cannot be read.", style="dim")
    return capture.get()
