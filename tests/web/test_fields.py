"""Each field takes what it should, and refuses the rest by code."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError
from marshmallow import fields as marshmallow_fields

from loyalty.web.body import field_errors
from loyalty.web.fields import (
    Attributes,
    Choice,
    Currency,
    Day,
    Flag,
    Id,
    Instant,
    Integer,
    ListOf,
    MemberId,
    Money,
    Part,
    Points,
    QueryFlag,
    QueryInteger,
    Refusal,
    Schema,
    Slug,
    Text,
    TimeZone,
    money_text,
    refuse,
)
from loyalty.web.strict_json import read_json

MOST = 2**53 - 1
_NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("field", "given", "loaded"),
    [
        (Text(), "Žofie 🍷", "Žofie 🍷"),
        (Text(least=0), "", ""),
        (MemberId(), "m.a_b~c:d@e+f-1", "m.a_b~c:d@e+f-1"),
        (Slug(), "wine-dine", "wine-dine"),
        (Id(), "01a1fe22-2989-7000-9f3a-668cc166d1f1", UUID("01a1fe22298970009f3a668cc166d1f1")),
        (Choice(["a", "b"]), "b", "b"),
        (Currency(), "EUR", "EUR"),
        (TimeZone(), "Europe/Prague", "Europe/Prague"),
        (Points(), 0, 0),
        (Points(), MOST, MOST),
        (Points(), 5.0, 5),
        (Integer(least=-5), -5, -5),
        (QueryInteger(), "12", 12),
        (QueryFlag(), "true", True),
        (Flag(), False, False),
        (Money(), "12.5", Decimal("12.5000")),
        (Money(), 12.1, Decimal("12.1000")),
        (Money(), 7, Decimal("7.0000")),
        (Money(), "999999999999.9999", Decimal("999999999999.9999")),
        (Money(), Decimal("999999999999.9999"), Decimal("999999999999.9999")),
        (Money(least=Decimal(-10)), "-3.25", Decimal("-3.2500")),
        (Money(), "-0", Decimal("0.0000")),
        (Instant(), "2026-07-01T12:00:00Z", _NOON),
        (Instant(), "2026-07-01t14:00:00.000+02:00", _NOON),
        (Instant(), "2026-07-01 12:00:00.000000999-00:00", _NOON),
        (Day(), "2024-02-29", date(2024, 2, 29)),
        (ListOf(Points(), most=2), [1, 2], [1, 2]),
        (Attributes(), {"a": [1, {"b": None}], "c": "x"}, {"a": [1, {"b": None}], "c": "x"}),
    ],
)
def test_taken(field: marshmallow_fields.Field[Any], given: object, loaded: object) -> None:
    assert field.deserialize(given) == loaded
    assert type(field.deserialize(given)) is type(loaded)


@pytest.mark.parametrize(
    ("field", "given", "code"),
    [
        (Text(), 5, "not_a_string"),
        (Text(), None, "null"),
        (Text(), "", "too_short"),
        (Text(most=3), "abcd", "too_long"),
        (Text(), "a\0b", "unstorable"),
        (Text(), "a\ud800", "unstorable"),
        (MemberId(), "", "malformed"),
        (MemberId(), "a" * 129, "malformed"),
        (MemberId(), "a b", "malformed"),
        (MemberId(), "a\n", "malformed"),
        (MemberId(), "é", "malformed"),
        (Slug(), "-a", "malformed"),
        (Slug(), "A", "malformed"),
        (Slug(), "a" * 64, "malformed"),
        (Id(), "01A1FE22-2989-7000-9F3A-668CC166D1F1", "malformed"),
        (Id(), "01a1fe22298970009f3a668cc166d1f1", "malformed"),
        (Choice(["a"]), ["a"], "not_one_of"),
        (Currency(), "usd", "unknown_currency"),
        (Currency(), "XXX", "unknown_currency"),
        (Currency(), ["USD"], "unknown_currency"),
        (TimeZone(), "Mars/Olympus", "unknown_time_zone"),
        (TimeZone(), "../../etc/passwd", "unknown_time_zone"),
        (Points(), True, "not_an_integer"),
        (Points(), "5", "not_an_integer"),
        (Points(), 5.5, "not_an_integer"),
        (Points(), -1, "too_small"),
        (Points(), MOST + 1, "too_large"),
        (Points(), 1e20, "too_large"),
        (Points(), 10**400, "too_large"),
        (Points(), float("inf"), "not_an_integer"),
        (QueryInteger(), "1.0", "not_an_integer"),
        (QueryInteger(), "٣", "not_an_integer"),
        (QueryInteger(), "9" * 20, "not_an_integer"),
        (QueryFlag(), "1", "not_a_boolean"),
        (Flag(), 1, "not_a_boolean"),
        (Flag(), "true", "not_a_boolean"),
        (Money(), True, "not_money"),
        (Money(), "1e5", "not_money"),
        (Money(), "12,50", "not_money"),
        (Money(), "٣", "not_money"),
        (Money(), "1.23456", "not_money"),
        (Money(), "", "not_money"),
        (Money(), "NaN", "not_money"),
        (Money(), {}, "not_money"),
        (Money(), 0.00001, "too_many_decimals"),
        (Money(), 1e-300, "too_many_decimals"),
        (Money(), 1e12, "too_large"),
        (Money(), 1e300, "too_large"),
        (Money(), -0.01, "too_small"),
        (Money(least=Decimal("0.0001")), 0, "too_small"),
        (Instant(), "2026-07-01T12:00:00", "not_an_instant"),
        (Instant(), "2026-07-01", "not_an_instant"),
        (Instant(), "2026-06-31T12:00:00Z", "not_an_instant"),
        (Instant(), "2026-07-01T24:00:01Z", "not_an_instant"),
        (Instant(), "2026-07-01T23:59:60Z", "not_an_instant"),
        (Instant(), "0001-01-01T00:00:00+14:00", "not_an_instant"),
        (Instant(), "9999-12-31T23:59:59-14:00", "not_an_instant"),
        (Instant(), "20260701T120000Z", "not_an_instant"),
        (Instant(), "2026-W27-3T12:00:00Z", "not_an_instant"),
        (Instant(), "2026-07-01T12:00:00+25:00", "not_an_instant"),
        (Instant(), 1751371200, "not_an_instant"),
        (Day(), "2026-02-29", "not_a_day"),
        (Day(), "20260228", "not_a_day"),
        (ListOf(Points(), most=2), [1, 2, 3], "wrong_length"),
        (ListOf(Points(), most=2, least=1), [], "wrong_length"),
        (ListOf(Points(), most=2), {"0": 1}, "not_a_list"),
        (Attributes(), [], "not_an_object"),
        (Attributes(), {"a": {"b": {"c": {"d": {}}}}}, "too_deep"),
        (Attributes(), {"a": list(range(101))}, "too_many"),
        (Attributes(), {"a" * 101: 1}, "too_long"),
        (Attributes(), {"a": "x" * 1001}, "too_long"),
        (Attributes(), {"a\0": 1}, "unstorable"),
        (Attributes(), {"a": ["\ud800"]}, "unstorable"),
        (Attributes(), {"a": MOST + 1}, "not_exact"),
        (Attributes(), {"a": Decimal("123456789012.1")}, "not_exact"),
    ],
)
def test_refused(field: marshmallow_fields.Field[Any], given: object, code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        field.deserialize(given)
    [refusal] = refused.value.messages
    assert isinstance(refusal, Refusal)
    assert refusal.code == code


class _Line(Schema):
    sku = Text(required=True)


class _Basket(Schema):
    lines = ListOf(Part(_Line), most=5, required=True)
    note = Text(allow_none=True)


def test_errors_point_at_their_place() -> None:
    with pytest.raises(ValidationError) as refused:
        _Basket().load({"lines": [{"sku": "a"}, {"sku": 1, "x": 1}, 5, {}], "note": "", "~/": 1})
    assert {(error.pointer, error.code) for error in field_errors(refused.value.messages)} == {
        ("/lines/1/sku", "not_a_string"),
        ("/lines/1/x", "unknown_field"),
        ("/lines/2", "not_an_object"),
        ("/lines/3/sku", "required"),
        ("/note", "too_short"),
        ("/~0~1", "unknown_field"),
    }


@pytest.mark.parametrize("given", [None, [], "x", 5, True])
def test_only_an_object_is_an_object(given: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        _Basket().load(given)
    [error] = field_errors(refused.value.messages, ("earns", 3))
    assert (error.pointer, error.code) == ("/earns/3", "not_an_object")


def test_a_schema_can_refuse_a_field() -> None:
    error = refuse("does_not_add_up", "The lines do not add up.", "amount")
    assert error.messages == ["The lines do not add up."]
    assert error.field_name == "amount"


@given(st.decimals(0, Decimal("999999999999.9999"), places=4))
def test_money_comes_back_as_it_went(amount: Decimal) -> None:
    field = Money()
    assert field.deserialize(money_text(amount)) == amount
    assert field.deserialize(read_json(f"{amount:f}".encode())) == amount


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0.00"),
        ("12.5", "12.50"),
        ("12.505", "12.505"),
        ("1.2345", "1.2345"),
        ("1E+3", "1000.00"),
    ],
)
def test_money_is_written_one_way(amount: str, text: str) -> None:
    assert money_text(Decimal(amount)) == text
