"""The requests that a cloud makes to a server: signed, sent in order, repeated where the carrier repeats them."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

import aiohttp

from offhook.simulator.clouds.media_stream.clock import Clock
from offhook.simulator.clouds.media_stream.conferences import Conferences
from offhook.simulator.clouds.media_stream.dialects import Account, Dialect
from offhook.simulator.clouds.media_stream.documents import MAX_BYTES
from offhook.simulator.clouds.media_stream.signing import Signing, signature_headers
from offhook.simulator.clouds.media_stream.variants import Variants

__all__ = ["Courier", "Sender", "Webhook"]

STATUS_TIMEOUT_S = 3.0
DISORDER_S = 0.1


@dataclass(slots=True)
class Webhook:
    """One request, and what came back. `at_ms` is since the call began; `status` is None where nothing came."""

    at_ms: float
    event: str
    url: str
    method: str
    params: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    status: int | None = None
    content_type: str = ""
    body: bytes = b""
    took_ms: float = 0.0
    error: str = ""

    @property
    def acknowledged(self) -> bool:
        """Whether the server answered with success."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Sender:
    """What all requests of one cloud have in common. `reach` turns a public address into the one to connect to."""

    session: aiohttp.ClientSession
    dialect: Dialect
    account: Account
    signing: Signing
    variants: Variants
    clock: Clock
    reach: Callable[[str], str] = str
    conferences: Conferences = field(default_factory=Conferences)

    async def send(self, webhook: Webhook, timeout_s: float) -> None:
        """Make the request and write into `webhook` what came of it."""
        began = time.monotonic()
        url, body = webhook.url, None
        if webhook.method == "GET":
            url += ("&" if "?" in url else "?") + urlencode(webhook.params)
        else:
            body = dict(webhook.params)
        webhook.headers = self._headers(webhook, url)
        limits = aiohttp.ClientTimeout(total=timeout_s)
        try:
            async with self.session.request(
                webhook.method,
                self.reach(url),
                data=body,
                headers=webhook.headers,
                timeout=limits,
                allow_redirects=False,
            ) as answer:
                webhook.status = answer.status
                webhook.content_type = answer.headers.get("Content-Type", "")
                webhook.body = await answer.content.read(MAX_BYTES + 1)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            webhook.error = str(error) or type(error).__name__
        webhook.took_ms = (time.monotonic() - began) * 1000

    def _headers(self, webhook: Webhook, url: str) -> dict[str, str]:
        headers = {"User-Agent": self.dialect.user_agent}
        in_query = webhook.method == "GET" and self.dialect.twilio
        signed_url, signed = (url, {}) if in_query else (webhook.url, webhook.params)
        headers |= signature_headers(
            self.dialect, self.account, webhook.method, signed_url, signed, signing=self.signing
        )
        if self.variants.credentials:
            headers["auth-token"] = self.account.token
            headers["parent-auth-token"] = self.account.parent_token or self.account.token
        return headers


class Courier:
    """The webhooks of one call. `sent` has them all, in the order in which they were sent."""

    def __init__(self, sender: Sender):
        self.sent: list[Webhook] = []
        self._sender = sender
        self._retries = sender.variants.status_retries
        self._began_s = sender.clock.now_s()
        self._waiting: asyncio.Queue[Webhook] = asyncio.Queue()
        self._posting = asyncio.create_task(self._post())

    async def ask(self, url: str, method: str, params: Mapping[str, str], event: str) -> Webhook:
        """Ask for a document and wait for it."""
        webhook = self._note(url, method, params, event)
        asked = [webhook]
        if self._sender.variants.duplicates:
            asked.append(self._note(url, method, params, event))
        timeout_s = self._sender.dialect.answer_timeout_s
        await asyncio.gather(*(self._sender.send(each, timeout_s) for each in asked))
        return webhook

    def tell(self, url: str, method: str, params: Mapping[str, str], event: str) -> None:
        """Report something, after what was reported before; nobody waits for it. An empty address reports nothing."""
        if url:
            self._waiting.put_nowait(Webhook(0.0, event, url, method, params))

    async def finish(self) -> None:
        """Wait until all is reported."""
        await self._waiting.join()
        self._posting.cancel()

    def hasten(self) -> None:
        """Try everything once only from now on."""
        self._retries = 0

    def abandon(self) -> None:
        """Report nothing more."""
        self._posting.cancel()

    def _note(self, url: str, method: str, params: Mapping[str, str], event: str) -> Webhook:
        webhook = Webhook(self._now_ms(), event, url, method, params)
        self.sent.append(webhook)
        return webhook

    def _now_ms(self) -> float:
        return (self._sender.clock.now_s() - self._began_s) * 1000

    async def _post(self) -> None:
        while True:
            batch = [await self._waiting.get()]
            if self._sender.variants.disorder:
                batch = await self._with_the_next(batch[0])
            for webhook in batch:
                for _ in range(2 if self._sender.variants.duplicates else 1):
                    await self._report(webhook)
                self._waiting.task_done()

    async def _with_the_next(self, first: Webhook) -> list[Webhook]:
        try:
            return [await asyncio.wait_for(self._waiting.get(), DISORDER_S), first]
        except TimeoutError:
            return [first]

    async def _report(self, webhook: Webhook) -> None:
        """Once, and again with growing pauses for as long as it is not acknowledged."""
        attempt = 0
        while not (await self._delivered(webhook)) and attempt < self._retries:
            await self._sender.clock.sleep(2.0**attempt)
            attempt += 1

    async def _delivered(self, webhook: Webhook) -> bool:
        this = self._note(webhook.url, webhook.method, webhook.params, webhook.event)
        await self._sender.send(this, STATUS_TIMEOUT_S)
        return this.acknowledged
