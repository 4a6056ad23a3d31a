"""A tenant's way in, without a server between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.datastructures import Headers

from tests.tenant import TestTenant


@dataclass(frozen=True, slots=True)
class Told:
    """What was answered: status, JSON, headers, and the bytes themselves."""

    status: int
    body: Any
    headers: Headers
    raw: bytes

    @property
    def refusal(self) -> tuple[int, str]:
        """Status and code of a refusal."""
        return self.status, self.body["code"]

    @property
    def wrong(self) -> list[tuple[str, str]]:
        """Pointer and code of each value that a 422 names."""
        assert self.status == 422, self.raw
        return [(error["pointer"], error["code"]) for error in self.body["errors"]]


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls `/v1…` as a role of one tenant."""

    client: FlaskClient
    tenant: TestTenant

    def __call__(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        role: str = "admin",
        member: str | None = None,
        **headers: str,
    ) -> Told:
        """One request; header names are written with _ for -."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= self.tenant.headers(role, member)
        if body is None:
            answer = self.client.open(f"/v1{path}", method=method, headers=sent)
        else:
            answer = self.client.open(f"/v1{path}", method=method, headers=sent, json=body)
        return Told(answer.status_code, answer.json, answer.headers, answer.data)
