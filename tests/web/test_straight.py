"""A schema that loads straight loads, and refuses, exactly what marshmallow does."""

from __future__ import annotations

from typing import Any

import marshmallow
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from marshmallow import ValidationError, pre_load

from loyalty.web.earn_schema import EARN
from loyalty.web.fields import StraightSchema, Text

_VALUES: dict[str, tuple[Any, ...]] = {
    "source": ("till-1", ":own", "", 5, None),
    "transaction_id": ("T-1", "\x00", "x" * 201, None),
    "member_id": ("m1", "two words", None, 1),
    "identifier": ({"kind": "card", "value": "1"}, {"kind": "card"}, [], None),
    "kind": ("purchase", "visit", "gift", None),
    "amount": ("12.50", 12.5, "1e5", -1, True, None),
    "currency": ("USD", "usd", 840, None),
    "occurred_at": ("2026-07-01T12:00:00Z", "2026-07-01", None),
    "store": ("store-1", "\ud800", None),
    "tax": ("1.00", "99", None),
    "payments": ([{"kind": "card", "amount": "1"}], [{"kind": "shell"}], [None], {}),
    "items": (
        [{"line_id": "a", "amount": "12.50"}],
        [{"line_id": "a", "amount": "1"}, {"line_id": "a", "amount": "1", "size": 5}],
        "a",
    ),
    "attributes": ({"colour": "red"}, {"deep": [[[[[1]]]]]}, None),
    "flavour": ("sweet",),
}
_NEEDED = {
    "source": "till-1",
    "transaction_id": "T-1",
    "member_id": "m1",
    "amount": "12.50",
    "currency": "USD",
    "occurred_at": "2026-07-01T12:00:00Z",
}
_any_earn = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(values) for name, values in _VALUES.items()}
)


def _told(load: Any, value: Any) -> tuple[str, Any]:
    try:
        return "loaded", load(value)
    except ValidationError as error:
        return "refused", error.messages


@given(_any_earn, st.sets(st.sampled_from(sorted(_NEEDED))))
@example({}, set(_NEEDED))
@example({"items": [{"line_id": "a", "amount": "12.50"}], "attributes": {}}, set(_NEEDED))
def test_the_same_comes_of_it(earn: dict[str, Any], valid: set[str]) -> None:
    value = earn | {name: _NEEDED[name] for name in valid}
    slowly = marshmallow.Schema.load.__get__(EARN)
    assert _told(EARN.load, value) == _told(slowly, value)


@pytest.mark.parametrize("value", [None, [], "text", 5, {"source": {"a": 1}}, {5: 5}])
def test_no_object_is_refused_alike(value: Any) -> None:
    slowly = marshmallow.Schema.load.__get__(EARN)
    assert _told(EARN.load, value) == _told(slowly, value)


def test_valid_input_goes_straight(monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(*_: object, **__: object) -> None:
        raise AssertionError("marshmallow was asked")

    monkeypatch.setattr(marshmallow.Schema, "load", slowly)
    assert EARN.load(dict(_NEEDED)).transaction_id == "T-1"


def test_steps_that_would_be_left_out_are_refused() -> None:
    class Prepared(StraightSchema):
        @pre_load
        def _prepare(self, values: Any, **_: Any) -> Any:
            return values

    class Renamed(StraightSchema):
        text = Text(data_key="words")

    for schema in (Prepared, Renamed):
        with pytest.raises(TypeError):
            schema()
