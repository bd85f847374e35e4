"""Under which addresses carriers reach us."""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import quote

from offhook.carriers.media_stream.documents import web_socket_url
from offhook.config import CarrierName

__all__ = ["Addresses"]

_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


class Addresses:
    """Makes the addresses of hooks and sockets.

    `public_url` is the address from outside; while it is empty, a request says by which one it came. With a `secret`,
    all hooks are below `/k/<secret>`.
    """

    def __init__(self, public_url: str = "", secret: str = ""):
        self.public_url = public_url.rstrip("/")
        self.secret = secret
        self._below = f"/k/{quote(secret, safe='')}" if secret else ""

    @property
    def reachable(self) -> str:
        """What all hooks have in front of `/<carrier>/<hook>`; empty where the public address is not known."""
        return self.public_url and self.public_url + self._below

    def base(self, scheme: str, host: str, headers: Mapping[str, str], peer: str | None) -> str:
        """The address, without a slash at its end, by which a request came.

        A proxy on this machine is believed what it says of it, in `X-Forwarded-Proto` and `X-Forwarded-Host`.
        """
        if self.public_url:
            return self.public_url
        if _is_loopback(peer):
            scheme = _first(headers.get("X-Forwarded-Proto", "")).lower() or scheme
            host = _first(headers.get("X-Forwarded-Host", "")) or host
        scheme = "https" if scheme == "https" else "http"
        return f"{scheme}://{host if _HOST.fullmatch(host) else 'localhost'}"

    def hook(self, carrier: CarrierName, name: str, ident: str = "", *, base: str = "") -> str:
        """The address of a hook; `ident` is the id of the dialled call, or the token of a document."""
        path = f"{self._below}/{carrier}/{name}"
        return (base or self.public_url) + (f"{path}/{ident}" if ident else path)

    def socket(self, carrier: CarrierName, token: str, *, base: str = "") -> str:
        """The address of a media socket. Its token is the secret: no other is in it."""
        return web_socket_url(f"{base or self.public_url}/{carrier}/ws/{token}")


def _first(header: str) -> str:
    return header.partition(",")[0].strip()


def _is_loopback(peer: str | None) -> bool:
    try:
        address = ip_address(peer or "")
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
