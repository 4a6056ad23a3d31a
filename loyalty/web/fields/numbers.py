"""Numbers: points are integers, money is Decimal, and nothing is ever a float inside."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from marshmallow import fields

from loyalty.ledger.rules import MAX_POINTS
from loyalty.web.fields.base import Coded, refuse

MAX_EXACT_INTEGER = 2**53 - 1  # what every JSON client reads exactly
MAX_MONEY = Decimal("999999999999.9999")
_DIGITS = r"[0-9]{1,12}(\.[0-9]{1,4})?"
_MONEY = re.compile(f"-?{_DIGITS}")
_WHOLE = re.compile("-?[0-9]{1,19}")
_TEN_THOUSANDTH = Decimal("0.0001")


class Integer(Coded[int], fields.Integer):
    """A JSON integer from `least` to `most`."""

    def __init__(self, *, least: int = 0, most: int = MAX_EXACT_INTEGER, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.least, self.most = least, most
        self.document(minimum=least, maximum=most)

    def _deserialize(self, value: object, *_: object, **__: object) -> int:
        number = self._whole(value)
        if number < self.least:
            raise refuse("too_small", f"At least {self.least} is expected.")
        if number > self.most:
            raise refuse("too_large", f"At most {self.most} is allowed.")
        return number

    def _whole(self, value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, (float, Decimal)) and value % 1 == 0:
            return int(value)  # 5.0 and 5 are one number in JSON
        raise refuse("not_an_integer", "An integer is expected.")


class Points(Integer):
    """Points: 0, or `least`, up to what an account can hold, 2^53-1."""

    def __init__(self, *, least: int = 0, most: int = MAX_POINTS, **kwargs: Any) -> None:
        super().__init__(least=least, most=most, **kwargs)


class QueryInteger(Integer):
    """An integer in a query string."""

    def _whole(self, value: object) -> int:
        if isinstance(value, str) and _WHOLE.fullmatch(value):
            return int(value)
        raise refuse("not_an_integer", "An integer is expected.")


class Flag(Coded[bool], fields.Boolean):
    """true or false, and nothing that looks like them."""

    def _deserialize(self, value: object, *_: object, **__: object) -> bool:
        if isinstance(value, bool):
            return value
        raise refuse("not_a_boolean", "true or false is expected.")


class QueryFlag(Coded[bool], fields.Boolean):
    """true or false in a query string."""

    def _deserialize(self, value: object, *_: object, **__: object) -> bool:
        if value in {"true", "false"}:
            return value == "true"
        raise refuse("not_a_boolean", "true or false is expected.")


class Money(Coded[Decimal]):
    """An amount of money: a decimal string or a number with at most four decimals.

    Loads to Decimal, from `least` to 999999999999.9999; dumps to a string.
    """

    def __init__(self, *, least: Decimal = Decimal(0), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.least = least
        sign = "-?" if least < 0 else ""
        number = {"type": "number", "minimum": float(least), "maximum": float(MAX_MONEY)}
        text = {"type": "string", "pattern": f"^{sign}{_DIGITS}$"}
        nothing = [{"type": "null"}] if self.allow_none else []
        self.document(anyOf=[text, number, *nothing], examples=["12.50"])

    def _deserialize(self, value: object, *_: object, **__: object) -> Decimal:
        amount = _decimal(value)
        if amount > MAX_MONEY:
            raise refuse("too_large", f"At most {MAX_MONEY} is allowed.")
        if amount < self.least:
            raise refuse("too_small", f"At least {self.least} is expected.")
        exact = amount.quantize(_TEN_THOUSANDTH)
        if exact != amount:
            raise refuse("too_many_decimals", "At most four decimals are allowed.")
        return exact + 0  # -0.00 is 0

    def _serialize(self, value: Decimal | None, *_: object, **__: object) -> str | None:
        return None if value is None else money_text(value)


def _decimal(value: object) -> Decimal:
    if isinstance(value, str) and _MONEY.fullmatch(value):
        return Decimal(value)
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return Decimal(str(value))  # a float's shortest form is what the sender wrote
    raise refuse("not_money", 'A decimal string like "12.50" or a number is expected.')


def money_text(amount: Decimal) -> str:
    """The one way money is written: plain digits, two decimals, more only where they are needed."""
    digits = f"{amount:.4f}"
    return digits[:-2] if digits.endswith("00") else digits.removesuffix("0")
