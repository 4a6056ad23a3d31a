"""Webhooks: is it from the bank, and is it of now? By the Standard Webhooks specification, v1.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterable, Mapping

from loyalty_client.events import Event
from loyalty_client.problems import Garbled, NotGenuine
from loyalty_client.reading import read

_PREFIX = "whsec_"
_VERSION = "v1"
_SECONDS = re.compile("[0-9]{1,12}")
_MOST_SIGNATURES = 50


class Webhooks:
    """Knows the secrets: two of them while one replaces the other. For any number of threads."""

    def __init__(self, *secrets: str, tolerance_s: float = 300.0) -> None:
        if not secrets:
            raise ValueError("At least one secret is needed.")
        self._secrets = [_secret(one) for one in secrets]
        self._tolerance_s = tolerance_s

    def verify(
        self, headers: Mapping[str, str], body: bytes, *, now_s: float | None = None
    ) -> Event:
        """The event that the body holds. Raises NotGenuine.

        `body` are the bytes as they came, not read and written again. An event may come twice, and
        has the same `id` then.
        """
        told = {name.lower(): value for name, value in headers.items()}
        message_id, sent_at, signatures = (
            _header(told, f"webhook-{name}") for name in ("id", "timestamp", "signature")
        )
        self._must_be_of_now(sent_at, time.time() if now_s is None else now_s)
        signed = f"{message_id}.{sent_at}.".encode(errors="surrogateescape") + body
        if not self._is_signed(signed, signatures):
            raise NotGenuine("No signature is of a secret that is known here.")
        try:
            return read(Event, json.loads(body))
        except ValueError:
            raise Garbled("The body is signed and no JSON.") from None

    def _must_be_of_now(self, sent_at: str, now_s: float) -> None:
        if not _SECONDS.fullmatch(sent_at):
            raise NotGenuine("webhook-timestamp is no number of seconds.")
        if abs(now_s - int(sent_at)) > self._tolerance_s:
            raise NotGenuine("webhook-timestamp is too far from now: an old message, or a clock.")

    def _is_signed(self, signed: bytes, signatures: str) -> bool:
        """Whether one of the signatures is of one of the secrets; all are compared, each in a time
        that tells nothing of what was expected."""
        expected = [hmac.digest(secret, signed, hashlib.sha256) for secret in self._secrets]
        matches = [
            hmac.compare_digest(given, one)
            for given in _given(signatures.split(" ")[:_MOST_SIGNATURES])
            for one in expected
        ]
        return any(matches)


def _secret(text: str) -> bytes:
    try:
        secret = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except ValueError:  # binascii's too
        secret = b""
    if not secret:
        raise ValueError("A secret is `whsec_` and base64.")
    return secret


def _header(told: Mapping[str, str], name: str) -> str:
    value = told.get(name)
    if not value:
        raise NotGenuine(f"The header {name} is missing.")
    return value


def _given(signatures: Iterable[str]) -> Iterable[bytes]:
    """What can be a signature of our version; others, such as v1a, are passed over."""
    for one in signatures:
        version, _, encoded = one.partition(",")
        if version == _VERSION:
            try:
                yield base64.b64decode(encoded, validate=True)
            except ValueError:  # binascii's too
                continue
