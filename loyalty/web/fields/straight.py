"""Schemas of what comes in by the thousand: valid input is loaded in one step a field."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from marshmallow import RAISE, ValidationError, missing
from marshmallow.decorators import POST_LOAD, PRE_LOAD, VALIDATES, VALIDATES_SCHEMA

from loyalty.web.fields.base import Coded, Schema


class StraightSchema(Schema):
    """A schema that loads what is valid in a third of marshmallow's time, by the same fields.

    What is not valid marshmallow loads again, to name each wrong field. Fields have the names of
    their keys; the schema has neither pre-processors nor validators of single fields.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        if self._hooks[PRE_LOAD] or self._hooks[VALIDATES]:
            raise TypeError(f"{type(self).__name__} has steps that are left out here")
        self._readers: dict[str, Callable[..., Any]] = {}
        self._required = frozenset(name for name, one in self.load_fields.items() if one.required)
        self._defaults: list[tuple[str, Any]] = []
        for name, field in self.load_fields.items():
            if field.data_key is not None or field.attribute is not None:
                raise TypeError(f"{type(self).__name__}.{name} has another name")
            plain = isinstance(field, Coded) and not field.validators
            self._readers[name] = field._deserialize if plain else field.deserialize
            if field.load_default is not missing:
                self._defaults.append((name, field.load_default))
        self._checks = [getattr(self, name) for name, _, _ in self._hooks[VALIDATES_SCHEMA]]
        self._finish = [getattr(self, name) for name, _, _ in self._hooks[POST_LOAD]]

    def load(
        self,
        data: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        many: bool | None = None,
        partial: Any = None,
        unknown: Any = None,
    ) -> Any:
        """What marshmallow loads, or raises."""
        if type(data) is dict and not (many or self.many or partial) and unknown in {None, RAISE}:
            try:
                return self._straight(data)
            except (ValidationError, KeyError):
                pass  # told in full below
        return super().load(data, many=many, partial=partial, unknown=unknown)

    def _straight(self, data: dict[str, Any]) -> Any:
        """Raises ValidationError for a wrong value, KeyError for a null or a name too much."""
        readers = self._readers
        values: dict[str, Any] = {}
        for name, value in data.items():
            if value is None:
                raise KeyError
            values[name] = readers[name](value, name, data)
        if not self._required.issubset(values):
            raise KeyError
        for name, default in self._defaults:
            if name not in values:
                values[name] = default
        for check in self._checks:
            check(values)
        for finish in self._finish:
            values = finish(values)
        return values
