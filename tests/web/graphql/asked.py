"""A tenant's way to /graphql, without a server between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.web.rest.caller import Caller


@dataclass(frozen=True, slots=True)
class Asked:
    """What was answered: status, the body, and its parts."""

    status: int
    body: dict[str, Any]

    @property
    def data(self) -> Any:
        """The data of an answer without errors."""
        assert "errors" not in self.body, self.body
        return self.body["data"]

    @property
    def errors(self) -> list[tuple[int, str]]:
        """Status and code of each error."""
        told = [error["extensions"] for error in self.body["errors"]]
        return [(one["status"], one["code"]) for one in told]

    @property
    def wrong(self) -> list[tuple[str, str]]:
        """Pointer and code of each value that the one error names."""
        [error] = self.body["errors"]
        return [(one["pointer"], one["code"]) for one in error["extensions"]["errors"]]


@dataclass(frozen=True, slots=True)
class Graph:
    """Asks as a role of one tenant, or with a key."""

    call: Caller

    def __call__(
        self,
        document: str,
        variables: Mapping[str, object] | None = None,
        *,
        role: str = "admin",
        member: str | None = None,
        bearer: str | None = None,
    ) -> Asked:
        """One document."""
        headers = self.call.tenant.headers(role, member)
        if bearer is not None:
            headers = {"Authorization": f"Bearer {bearer}"}
        answer = self.call.client.post(
            "/graphql", headers=headers, json={"query": document, "variables": variables}
        )
        return Asked(answer.status_code, answer.json or {})
