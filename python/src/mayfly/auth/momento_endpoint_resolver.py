"""Reads API keys. Whatever is wrong with one gives InvalidArgumentException, whose sentence and causes repeat nothing
of the key."""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from dataclasses import dataclass
from typing import Any, Optional, Union

from mayfly.errors import InvalidArgumentException
from mayfly.internal.services import Service

_DEFAULT_PORT = 443
# At most 63 characters a label and 253 a name: RFC 1035, section 2.3.4.
_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?\Z")
_BRACKETED = re.compile(r"\[([^\]]*)\](?::(.*))?\Z")


@dataclass
class _TokenAndEndpoints:
    control_endpoint: str
    cache_endpoint: str
    token_endpoint: str
    auth_token: str
    port: int = _DEFAULT_PORT


@dataclass
class _Base64DecodedV1Token:
    api_key: str
    endpoint: str


@dataclass
class _Place:
    host: str
    port: int
    is_plain: bool
    """An address or this machine: no name can stand before it."""

    def host_of(self, service: str) -> str:
        return self.host if self.is_plain else f"{service}.{self.host}"


def resolve(auth_token: str) -> _TokenAndEndpoints:
    """Reads a key that carries its endpoints: base64 of JSON with `endpoint` and `api_key`, or a token with the claims
    `cp` and `c`."""
    if not isinstance(auth_token, str) or not auth_token.strip():
        raise _refusal("malformed auth token")
    auth_token = auth_token.strip()
    if _is_base64(auth_token):
        return _read_base64(auth_token)
    claims = _claims(auth_token)
    if claims is None:
        raise _refusal("Invalid Auth token.")
    if claims.get("t") == "g":
        raise _refusal(
            "Unexpectedly received a v2 API key. "
            "Are you using the correct key and the correct CredentialProvider method?"
        )
    return _read_claims(claims, auth_token)


def endpoints_of(endpoint: str, api_key: str) -> _TokenAndEndpoints:
    """The hosts of the services at an endpoint, HOST or HOST:PORT, for a key that goes there as it is."""
    place = _parse_place(endpoint)
    _check_key(api_key)
    return _TokenAndEndpoints(
        control_endpoint=place.host_of("control"),
        cache_endpoint=place.host_of("cache"),
        token_endpoint=place.host_of("token"),
        auth_token=api_key,
        port=place.port,
    )


def _read_base64(auth_token: str) -> _TokenAndEndpoints:
    info = _object(base64.b64decode(auth_token))
    if info is None:
        raise _refusal("Invalid Auth token: it is base64, but not of a JSON object.")
    endpoint = info.get("endpoint")
    api_key = info.get("api_key")
    if not isinstance(endpoint, str) or not isinstance(api_key, str):
        raise _refusal("Invalid Auth token: its JSON lacks `endpoint` or `api_key`, which are texts.")
    return endpoints_of(endpoint, api_key)


def _read_claims(claims: dict[str, Any], auth_token: str) -> _TokenAndEndpoints:
    control = claims.get("cp")
    cache = claims.get("c")
    if not isinstance(control, str) or not isinstance(cache, str):
        raise _refusal("Invalid Auth token: it lacks the claims `cp` and `c`, the hosts of the service.")
    control_place = _parse_place(control)
    cache_place = _parse_place(cache)
    if control_place.port != cache_place.port:
        raise _refusal("Invalid Auth token: the ports of its hosts differ.")
    return _TokenAndEndpoints(
        control_endpoint=control_place.host,
        cache_endpoint=cache_place.host,
        token_endpoint=cache_place.host_of("token"),
        auth_token=auth_token,
        port=cache_place.port,
    )


def _parse_place(endpoint: str) -> _Place:
    """HOST, HOST:PORT, and IPv6 as ADDRESS, [ADDRESS] or [ADDRESS]:PORT."""
    text = endpoint.strip() if isinstance(endpoint, str) else ""
    bracketed = _BRACKETED.match(text)
    if bracketed is not None:
        host, port = bracketed.groups()
    elif text.count(":") == 1:
        host, port = text.split(":")
    else:
        host, port = text, None
    is_v6 = bracketed is not None or ":" in host
    is_right = _is_address(host, 6) if is_v6 else _NAME.match(host) is not None
    if not is_right or (port is not None and not _is_port(port)):
        raise _refusal("The endpoint is no HOST or HOST:PORT, such as cell.example.com.")
    is_plain = is_v6 or _is_address(host, 4) or host.lower() == "localhost"
    return _Place(host, _DEFAULT_PORT if port is None else int(port), is_plain)


def _is_port(port: str) -> bool:
    return re.fullmatch("[0-9]{1,5}", port) is not None and 1 <= int(port) <= 65535


def _is_address(host: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(host).version == version
    except ValueError:
        return False


def _check_key(api_key: str) -> None:
    """A key is a value of HTTP metadata."""
    if not api_key or any(not "!" <= c <= "~" for c in api_key):
        raise _refusal("The API key holds characters that no key has; was it copied whole?")


def _is_base64(value: Union[bytes, str]) -> bool:
    try:
        data = value.encode("utf-8") if isinstance(value, str) else value
        return base64.b64encode(base64.b64decode(data)) == data
    except ValueError:
        return False


def _is_v2_api_key(key: str) -> bool:
    if not isinstance(key, str) or _is_base64(key):
        return False
    claims = _claims(key.strip())
    return claims is not None and claims.get("t") == "g"


def _claims(token: str) -> Optional[dict[str, Any]]:
    """The claims of a JSON Web Token (RFC 7519), whose signature is the service's to check; None where it is none."""
    parts = [_decode_part(part) for part in token.split(".")]
    if len(parts) != 3:
        return None
    header, claims, signature = parts
    if header is None or claims is None or signature is None or _object(header) is None:
        return None
    return _object(claims)


def _decode_part(part: str) -> Optional[bytes]:
    """Base64 for URLs without padding: RFC 4648, section 5."""
    if re.fullmatch("[A-Za-z0-9_-]*", part) is None:
        return None
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        return None


def _object(text: bytes) -> Optional[dict[str, Any]]:
    """None, not an exception, for what is no JSON object: the exception would carry the text along."""
    try:
        value = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _refusal(sentence: str) -> InvalidArgumentException:
    return InvalidArgumentException(sentence, Service.AUTH)
