"""A till's way in: HTTP with one kept connection per thread, and patience where it is due."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from loyalty.cli.trouble import Trouble

_TIMEOUT_S = 30.0
_RETRY_FOR_S = 30.0
_PAUSE_S = 0.1
_AWAY = 503


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API said."""

    status: int
    body: dict[str, Any]


class Refused(Trouble):
    """The API said no where a yes was needed; the sentence holds what it said."""


class Door:
    """One token's way into one stack."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port
        self._secure = parts.scheme == "https"
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._kept = threading.local()

    def call(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One answer. Sent again while nobody answers or it is a 503: every write has its key.

        Raises Trouble when that lasts longer than 30 s.
        """
        payload = None if body is None else json.dumps(body).encode()
        deadline = time.monotonic() + _RETRY_FOR_S
        while True:
            try:
                answer = self._once(method, path, payload, {**self._headers, **(headers or {})})
            except (OSError, http.client.HTTPException) as error:
                said = str(error) or type(error).__name__
                self._kept.connection = None
            else:
                if answer.status != _AWAY:
                    return answer
                said = str(answer.body.get("detail"))
            if time.monotonic() > deadline:
                raise Trouble(
                    f"http://{self._host}:{self._port} does not answer ({said}): "
                    "is `loyalty up` running?"
                )
            time.sleep(_PAUSE_S)

    def must(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The body of an answer below 400. Raises Refused."""
        answer = self.call(method, path, body, headers)
        if answer.status >= http.client.BAD_REQUEST:
            said = answer.body.get("detail", "no reason given")
            raise Refused(f"{method} {path} was answered with {answer.status}: {said}")
        return answer.body

    def see_to(self, path: str, body: object) -> None:
        """Makes what `body` says unless it is there (409). Raises Refused."""
        answer = self.call("POST", path, body)
        if answer.status not in (http.client.CREATED, http.client.CONFLICT):
            raise Refused(f"POST {path} was answered with {answer.status}: {answer.body}")

    def _once(
        self, method: str, path: str, payload: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        connection: http.client.HTTPConnection | None = getattr(self._kept, "connection", None)
        if connection is None:
            kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
            connection = self._kept.connection = kind(self._host, self._port, timeout=_TIMEOUT_S)
        connection.request(method, f"/v1{path}", payload, dict(headers))
        response = connection.getresponse()
        said = response.read()
        return Answer(response.status, json.loads(said) if said else {})
