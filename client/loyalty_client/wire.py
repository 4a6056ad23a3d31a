"""One call: sent again while that is safe and there is time, and its answer read.

Sending again is safe because every write has a name of its own (a purchase its transaction id,
everything else its Idempotency-Key), and all tries of a call bear the same one.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from random import SystemRandom
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import requests
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError  # requests brings it, and lets its errors through

from loyalty_client.patience import Patience, retry_after_s
from loyalty_client.problems import (
    FieldError,
    Garbled,
    InFlight,
    Problem,
    Refused,
    Unreachable,
    refused,
)
from loyalty_client.reading import read, to_json

VERSION = "0.1.0"
Token = str | Callable[[], str]

_CONNECT_S = 3.0
_MOST_BYTES = 32 * 1024 * 1024
_CHUNK = 64 * 1024
_OK, _REDIRECTION = 200, 300
_AGAIN = frozenset({408, 429, 502, 503, 504})
_KEY = re.compile(r"[!-~]{1,255}")
_LOST = (requests.ConnectionError, requests.Timeout, HTTPError)
_NOT_TRUSTED = "CERTIFICATE_VERIFY_FAILED"  # another try would see the same
_luck = SystemRandom()


@dataclass(frozen=True, slots=True)
class Request:
    """A call under `/v1`. `wait_s` is how long the bank may wait before it answers."""

    method: str
    path: str
    body: bytes | None = None
    query: Mapping[str, str] | None = None
    key: str | None = None
    wait_s: int = 0
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered, below 300."""

    status: int
    body: Any


class _Lost(Exception):
    """No whole answer came: it may have been done, or not."""


class Wire:
    """The way to one bank, for any number of threads; each keeps a connection of its own."""

    def __init__(
        self,
        url: str,
        token: Token,
        patience: Patience,
        session: Callable[[], requests.Session],
    ) -> None:
        parts = urlsplit(url)
        if (
            parts.scheme not in {"http", "https"}
            or not parts.hostname
            or parts.query + parts.fragment
        ):
            raise ValueError(f"{url!r} is not where a bank is: https://points.example is expected.")
        self._base = f"{url.rstrip('/')}/v1"
        self._bearer = _Bearer(token)
        self._patience = patience
        self._sessions = _Sessions(session)

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """What is told there."""
        return self.call(Request("GET", path, query=query)).body

    def act(
        self, path: str, order: object, key: str | None, query: Mapping[str, str] | None = None
    ) -> Reply:
        """What came of an act under a key; one that nobody gave is made, and kept while trying."""
        given = uuid4().hex if key is None else key
        return self.call(Request("POST", path, to_json(order), query, given))

    def call(self, request: Request) -> Reply:
        """The answer to the request, or to one of its repetitions.

        Raises Refused for what the bank says no to, Unreachable when the time was up and a try may
        have gone through, and Garbled for an answer that is none of the bank's.
        """
        if request.key is not None and not _KEY.fullmatch(request.key):
            raise ValueError("A key is 1 to 255 visible ASCII characters.")
        until = time.monotonic() + self._patience.total_s + request.wait_s
        tries, lost = 0, False
        while True:
            tries += 1
            failure: _Lost | Refused
            try:
                return self._try(request, until)
            except _Lost as error:
                failure, asked_s, lost = error, None, True
            except Refused as error:
                if error.status not in _AGAIN and not isinstance(error, InFlight):
                    raise
                failure, asked_s = error, error.problem.retry_after_s
            pause_s = self._patience.pause_s(tries, asked_s, _luck.random())
            if time.monotonic() + pause_s >= until:
                if isinstance(failure, Refused) and not lost:
                    raise failure
                raise Unreachable(_sentence(request, tries, failure), request.key) from failure
            time.sleep(pause_s)

    def close(self) -> None:
        """Ends the kept connections."""
        self._sessions.close()

    def _try(self, request: Request, until: float) -> Reply:
        try_s = min(self._patience.attempt_s + request.wait_s, max(until - time.monotonic(), 0.01))
        ends_at = time.monotonic() + try_s
        try:
            with self._sessions.own().request(
                request.method,
                f"{self._base}{request.path}",
                params=request.query,
                data=request.body,
                headers=_headers(request),
                auth=self._bearer,
                timeout=(min(_CONNECT_S, try_s), try_s),
                allow_redirects=False,  # another host would get the token; a POST becomes a GET
                stream=True,
            ) as response:
                raw = _whole(response, ends_at)
        except _LOST as error:
            if _NOT_TRUSTED in str(error):
                raise Garbled(f"{self._base} has no certificate that is trusted here.") from error
            raise _Lost(f"{type(error).__name__}: {error}") from error
        return _reply(response, raw, request.key)


class _Bearer(AuthBase):
    """As requests' own `auth`, for without one it would take a password from ~/.netrc."""

    def __init__(self, token: Token) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        token = self._token if isinstance(self._token, str) else self._token()
        request.headers["Authorization"] = f"Bearer {token}"
        return request


class _Sessions:
    """A session for each thread of each process: two that share a connection mix up answers."""

    def __init__(self, make: Callable[[], requests.Session]) -> None:
        self._make = make
        self._kept = threading.local()
        self._all: weakref.WeakSet[requests.Session] = weakref.WeakSet()

    def own(self) -> requests.Session:
        """That of this thread; a process that was forked off makes new ones."""
        pid, session = getattr(self._kept, "own", (0, None))
        if session is None or pid != os.getpid():
            session = self._make()
            self._kept.own = os.getpid(), session
            self._all.add(session)
        return session

    def close(self) -> None:
        """Closes all of them; who calls again makes a new connection."""
        for session in list(self._all):
            session.close()


def _headers(request: Request) -> dict[str, str]:
    headers = {"Accept": "application/json", "User-Agent": f"loyalty-client/{VERSION}"}
    if request.body is not None:
        headers["Content-Type"] = request.media_type
    if request.key is not None:
        headers["Idempotency-Key"] = request.key
    if request.wait_s:
        headers["Prefer"] = f"wait={request.wait_s}"
    return headers


def _whole(response: requests.Response, ends_at: float) -> bytes:
    """The body. Raises what is in _LOST when it trickles for too long, Garbled when it never ends.

    Read as it arrives: requests' own timeout begins anew with every byte.
    """
    parts, size = list[bytes](), 0
    while part := response.raw.read1(_CHUNK, decode_content=True):
        parts.append(part)
        size += len(part)
        if size > _MOST_BYTES:
            raise Garbled(f"The answer is longer than {_MOST_BYTES} bytes.")
        if time.monotonic() > ends_at:
            raise requests.Timeout("the answer trickles")
    return b"".join(parts)


def _reply(response: requests.Response, raw: bytes, key: str | None) -> Reply:
    is_well = _OK <= response.status_code < _REDIRECTION
    kind = response.headers.get("Content-Type", "")
    body = None
    if "json" in kind.partition(";")[0]:
        try:
            body = json.loads(raw)
        except ValueError as error:
            if is_well:  # cut short
                raise _Lost(f"an answer that cannot be read: {error}") from error
    elif is_well:
        raise Garbled(f"{response.url} answers with {kind or 'nothing'}: is it a bank?")
    if is_well:
        return Reply(response.status_code, body)
    raise refused(_problem(response, body), key)


def _problem(response: requests.Response, body: Any) -> Problem:
    """What the bank says, or whoever stands before it."""
    asked_s = retry_after_s(response.headers.get("Retry-After"), datetime.now(UTC))
    told = body if isinstance(body, dict) and isinstance(body.get("code"), str) else {}
    reason = response.reason or "no reason given"
    return Problem(
        status=response.status_code,
        code=told.get("code", f"http_{response.status_code}"),
        title=str(told.get("title", reason)),
        detail=str(told.get("detail", reason)),
        type=str(told.get("type", "about:blank")),
        errors=tuple(read(FieldError, one) for one in told.get("errors") or ()),
        request_id=told.get("request_id") or response.headers.get("X-Request-Id"),
        retry_after_s=asked_s,
    )


def _sentence(request: Request, tries: int, failure: Exception) -> str:
    return (
        f"{request.method} {request.path} has no answer after {tries} tries ({failure}): make the "
        "same call again, it is not done twice."
    )
