"""A server between the doubles of a carrier and of instant providers, and callers who phone it."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from offhook.config import Settings
from offhook.errors import CallError
from offhook.simulator.bench.child import ServerUnderTest, own_server
from offhook.simulator.bench.cloud_figures import Greeting
from offhook.simulator.bench.cloud_server import LOOPBACK, surroundings
from offhook.simulator.bench.instant import InstantProviders
from offhook.simulator.bench.slot_clock import SlotClock
from offhook.simulator.bench.stream_caller import StreamCaller, StreamLine
from offhook.simulator.bench.talker import Line, Talker
from offhook.simulator.clips import render
from offhook.simulator.clouds.media_stream import Carrier, CarrierCloud, CloudCall
from offhook.simulator.equipment import local_equipment
from offhook.simulator.scenario import Scenario
from offhook.simulator.steps import Say

__all__ = ["Scene", "scene", "spoken_lines"]

ANSWER_S = 5.0
LOOK_S = 0.001
SAYS = (
    "When do you open today?",
    "Sorry, can I ask something?",
    "Hold on a second, please.",
    "That is what I was looking for.",
    "Excuse me, who am I talking to?",
)


@dataclass
class Scene:
    """Everything but the callers. `clock` is that of all of them."""

    server: ServerUnderTest
    cloud: CarrierCloud
    providers: InstantProviders
    lines: Sequence[Line]
    session: aiohttp.ClientSession
    clock: SlotClock = field(default_factory=SlotClock)

    @property
    def carrier(self) -> Carrier:
        """Whose double it is."""
        return self.cloud.dialect.carrier

    @property
    def hooks(self) -> str:
        """What the server's webhooks begin with."""
        return f"http://127.0.0.1:{self.server.http_port}/{self.carrier}"

    async def dial(self, to: str) -> tuple[Talker, Greeting]:
        """Phone the agent `to`; returns when its greeting has begun. One at a time. Raises CallError."""
        heard, began = len(self.providers.hearings), time.monotonic()
        call = self.cloud.phone_in(f"{self.hooks}/answer", hangup_url=f"{self.hooks}/hangup", to=to, own_mouth=False)
        try:
            async with asyncio.timeout(ANSWER_S):
                stream = await call.phone.streaming()
                talker = Talker(call, stream, self._lines_from(heard), self.clock)
                self.clock.add(talker, heard)
                while not stream.queued or len(self.providers.hearings) == heard:  # noqa: ASYNC110 - the double dates it
                    await asyncio.sleep(LOOK_S)
        except TimeoutError as error:
            why = "; ".join(call.violations) or f"no greeting within {ANSWER_S:g} s"
            raise CallError(f"a call was not answered: {why}") from error
        talker.hearing = self.providers.hearings[heard]
        return talker, Greeting(_webhook_ms(call), 1000 * (talker.first_audio - began))

    def _lines_from(self, number: int) -> Sequence[Line]:
        """Callers begin with different lines, so that each is heard as often as the others."""
        first = number % len(self.lines)
        return [*self.lines[first:], *self.lines[:first]]

    def loopback_callers(self, calls: int) -> list[StreamCaller]:
        """So many callers for the agent that returns what it hears."""
        line = StreamLine(self.session, self.carrier, self.cloud.account, f"{self.hooks}/answer", LOOPBACK)
        return [StreamCaller(line) for _ in range(calls)]


def _webhook_ms(call: CloudCall) -> float:
    return next(webhook.took_ms for webhook in call.courier.sent if webhook.event == "StartApp")


@asynccontextmanager
async def scene(
    carrier: Carrier, lines: Sequence[Line], *, max_calls: int, vad: bool, recording: bool
) -> AsyncIterator[Scene]:
    """Doubles and server, up and ready. Raises ConfigError if the server does not start."""
    providers = InstantProviders()
    async with AsyncExitStack() as stack:
        urls = await stack.enter_async_context(providers.serve())
        cloud = await stack.enter_async_context(CarrierCloud(carrier))
        around = surroundings(carrier, cloud.account, cloud.api_url, urls, vad=vad)
        server = await stack.enter_async_context(
            own_server(engine="cloud", max_calls=max_calls, vad=vad, recording=recording, surroundings=around)
        )
        session = await stack.enter_async_context(aiohttp.ClientSession())
        made = Scene(server, cloud, providers, lines, session)
        running = asyncio.create_task(made.clock.run())
        try:
            yield made
        finally:
            running.cancel()


async def spoken_lines(settings: Settings) -> list[Line]:
    """What the callers say, in the voice of the local synthesiser. Raises ModelError, ProviderError."""
    scenario = Scenario(title="bench", steps=tuple(Say(say=text) for text in SAYS))
    async with local_equipment(settings, voice=True, transcribe=False) as equipment:
        clips = await render(scenario, equipment.synthesizer)
    return [Line.of(clip) for clip in clips if clip is not None]
