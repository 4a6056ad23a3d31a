"""Calls made up from the OpenAPI document: paths with values in them, bodies that keep to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

#: What texts are tried until one has the form that is asked for; `member` stands for a member.
_TEXTS = (
    "wine",
    "2026-08-01T00:00:00Z",
    "2026-08-01",
    "1.00",
    "USD",
    "P1D",
    "https://example.com/x",
    "ann@example.com",
    "en",
    "12-3",
    "0" * 48,
)
_MEMBERS = frozenset({"member_id", "from", "to", "into", "referrer"})


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the document."""

    method: str
    path: str
    told: Mapping[str, Any]
    schemas: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its operationId."""
        return str(self.told["operationId"])

    @property
    def places(self) -> dict[str, str]:
        """The parameters in its path, each with the pattern of its form."""
        return {
            one["name"]: one["schema"].get("pattern", "")
            for one in self.told["parameters"]
            if one["in"] == "path"
        }

    def body(self, member: str) -> object:
        """A small body that keeps to the schema, in which `member` is every member; None: none."""
        content = self.told.get("requestBody", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema")
        return None if schema is None else self._sample(schema, "", member)

    def _sample(self, schema: Mapping[str, Any], name: str, member: str) -> Any:
        if "$ref" in schema:
            return self._sample(self.schemas[schema["$ref"].rpartition("/")[2]], name, member)
        if "allOf" in schema or "anyOf" in schema or "oneOf" in schema:
            several = schema.get("allOf") or schema.get("anyOf") or schema["oneOf"]
            return self._sample(several[0], name, member)
        if name in _MEMBERS:
            return member
        if "examples" in schema:
            return schema["examples"][0]
        if "enum" in schema:
            return schema["enum"][0]
        kind = schema.get("type", "object")
        return self._of_kind(kind if isinstance(kind, str) else kind[0], schema, member)

    def _of_kind(self, kind: str, schema: Mapping[str, Any], member: str) -> Any:
        if kind == "string":
            return _text(schema)
        if kind in {"integer", "number"}:
            return max(1, schema.get("minimum", 1))
        if kind == "boolean":
            return True
        if kind == "array":
            least = schema.get("minItems", 0)
            return [self._sample(schema["items"], "", member) for _ in range(least)]
        known = schema.get("properties", {})
        wanted = {*schema.get("required", ()), *(_MEMBERS & known.keys())}
        if known and not wanted:  # a change changes something
            wanted = {"name" if "name" in known else min(known)}
        return {
            name: self._sample(schema["properties"][name], name, member) for name in sorted(wanted)
        }


def _text(schema: Mapping[str, Any]) -> str:
    form, least = schema.get("pattern", ""), schema.get("minLength", 0)
    for text in (*_TEXTS, str(uuid4()), "a long sentence, long enough"):
        if re.search(form, text) and len(text) >= least:
            return text
    raise AssertionError(f"no text has the form {form!r}")


def operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    """Every operation that asks who one is."""
    schemas = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        shared = methods.get("parameters", [])
        for method, told in methods.items():
            if method != "parameters" and told.get("x-operation"):
                whole = {**told, "parameters": [*shared, *told.get("parameters", [])]}
                yield Operation(method.upper(), path, whole, schemas)
