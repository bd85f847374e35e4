"""The signatures of webhooks and of the WebSocket's handshake, as the carriers' clouds make them.

Sources: Vobiz "validating callbacks"; Plivo signature V3; Twilio "security". Written from those pages alone: nothing
here is shared with the verifiers of a server.
"""

import base64
import hmac
import secrets
from collections.abc import Mapping
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from offhook.simulator.clouds.media_stream.dialects import Account, Dialect

__all__ = ["Signing", "new_nonce", "plivo_v3", "signature_headers", "twilio_v1", "vobiz_v2", "vobiz_v3"]

Signing = Literal["right", "wrong", "off"]
WRONG_TOKEN = "not-the-token-of-this-account"  # noqa: S105 - what a forger would use


def new_nonce() -> str:
    """Twenty random digits."""
    return "".join(secrets.choice("0123456789") for _ in range(20))


def signature_headers(
    dialect: Dialect,
    account: Account,
    method: str,
    url: str,
    params: Mapping[str, str],
    *,
    signing: Signing = "right",
    nonce: str = "",
) -> dict[str, str]:
    """The headers that sign one request. `params` are those in its body: none for a GET and for a handshake."""
    if signing == "off":
        return {}
    token = account.token if signing == "right" else WRONG_TOKEN
    nonce = nonce or new_nonce()
    if dialect.carrier == "vobiz":
        return _vobiz_headers(token, account.parent_token, url, nonce)
    if dialect.carrier == "plivo":
        headers = {
            "X-Plivo-Signature-V3": plivo_v3(token, method, url, params, nonce),
            "X-Plivo-Signature-V3-Nonce": nonce,
        }
        if account.parent_token:
            headers["X-Plivo-Signature-Ma-V3"] = plivo_v3(account.parent_token, method, url, params, nonce)
        return headers
    return {"X-Twilio-Signature": twilio_v1(token, url, params)}


def _vobiz_headers(token: str, parent_token: str, url: str, nonce: str) -> dict[str, str]:
    headers = {
        "X-Vobiz-Signature-V2": vobiz_v2(token, url, nonce),
        "X-Vobiz-Signature-V2-Nonce": nonce,
        "X-Vobiz-Signature-V3": vobiz_v3(token, url, nonce),
        "X-Vobiz-Signature-V3-Nonce": nonce,
    }
    if parent_token:
        headers["X-Vobiz-Signature-MA-V2"] = vobiz_v2(parent_token, url, nonce)
        headers["X-Vobiz-Signature-MA-V3"] = vobiz_v3(parent_token, url, nonce)
    return headers


def vobiz_v2(token: str, url: str, nonce: str) -> str:
    """Over the address without its query, and the nonce."""
    return _mac("sha256", token, _base(url) + nonce)


def vobiz_v3(token: str, url: str, nonce: str) -> str:
    """The same with a full stop between."""
    return _mac("sha256", token, f"{_base(url)}.{nonce}")


def plivo_v3(token: str, method: str, url: str, params: Mapping[str, str], nonce: str) -> str:
    """Over the address, its query and the parameters, each sorted, and the nonce."""
    message = _base(url)
    query = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    if method == "GET":
        query += params.items()
    pairs = "&".join(f"{key}={value}" for key, value in sorted(query))
    if pairs or (params and method != "GET"):
        message += f"?{pairs}"
    if params and method != "GET":
        message += "." if pairs else ""
        message += "".join(key + value for key, value in sorted(params.items()))
    return _mac("sha256", token, f"{message}.{nonce}")


def twilio_v1(token: str, url: str, params: Mapping[str, str]) -> str:
    """Over the whole address and the sorted parameters."""
    return _mac("sha1", token, url + "".join(key + value for key, value in sorted(params.items())))


def _base(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def _mac(digest: str, token: str, message: str) -> str:
    made = hmac.new(token.encode(), message.encode(), digest)
    return base64.b64encode(made.digest()).decode()
