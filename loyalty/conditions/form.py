"""How conditions and rules read JSON: a value of the right form, or an error that names its place.

A place is the JSON pointer of a value within the request: `/rule/when/all/0/sku`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal

from loyalty.errors import Invalid

MOST_VALUES = 1000
_LONGEST_TEXT = 200
_MOST_SAID = 4
_PLAIN_DECIMAL = re.compile(r"-?\d{1,12}(\.\d{1,4})?")


def refuse(place: str, code: str, detail: str) -> Invalid:
    """The error of one wrong value."""
    return Invalid.field(place, code, detail)


def read_object(
    value: object, place: str, *, known: Collection[str], required: Collection[str] = ()
) -> Mapping[str, object]:
    """An object with no members but those `known`. Raises Invalid."""
    if not isinstance(value, dict):
        raise refuse(place, "not_an_object", "An object is expected.")
    for name in value:
        if name not in known:
            raise refuse(f"{place}/{name}", "unknown_field", f"Known are {', '.join(known)}.")
    for name in required:
        if value.get(name) is None:
            raise refuse(f"{place}/{name}", "required", "This field is needed.")
    return value


def read_list(value: object, place: str, *, most: int = MOST_VALUES) -> list[object]:
    """A list of 1 to `most` values. Raises Invalid."""
    if not isinstance(value, list):
        raise refuse(place, "not_a_list", "A list is expected.")
    if not 1 <= len(value) <= most:
        raise refuse(place, "wrong_length", f"1 to {most} values are expected.")
    return value


def read_text(value: object, place: str) -> str:
    """Text of 1 to 200 characters. Raises Invalid."""
    if not isinstance(value, str):
        raise refuse(place, "not_a_text", "Text is expected.")
    if not 1 <= len(value) <= _LONGEST_TEXT:
        raise refuse(place, "wrong_length", f"1 to {_LONGEST_TEXT} characters are expected.")
    return value


def read_texts(value: object, place: str) -> frozenset[str]:
    """A list of texts. Raises Invalid naming the wrong one."""
    return frozenset(
        read_text(one, f"{place}/{index}") for index, one in enumerate(read_list(value, place))
    )


def read_choice(value: object, place: str, choices: Collection[str]) -> str:
    """One of `choices`. Raises Invalid."""
    for one in choices:
        if value == one:
            return one
    raise refuse(place, "not_a_choice", f"One of {', '.join(choices)} is expected.")


def read_integer(value: object, place: str, *, least: int = 0, most: int = 2**53 - 1) -> int:
    """A whole number. Raises Invalid."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise refuse(place, "not_an_integer", "A whole number is expected.")
    if not least <= value <= most:
        raise refuse(place, "out_of_range", f"{least} to {most} is expected.")
    return value


def read_decimal(
    value: object, place: str, *, least: Decimal = Decimal(0), most: Decimal = Decimal(10**12)
) -> Decimal:
    """A number with at most four decimals, as text, Decimal or integer. Raises Invalid."""
    text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    if isinstance(value, (bool, float)) or not _PLAIN_DECIMAL.fullmatch(text):
        raise refuse(place, "not_a_number", 'A decimal like "12.50" is expected.')
    number = Decimal(text)
    if not least <= number <= most:
        raise refuse(place, "out_of_range", f"{least:f} to {most:f} is expected.")
    return number


def read_date(value: object, place: str) -> date:
    """A day, `2026-06-30`. Raises Invalid."""
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise refuse(place, "not_a_date", "A day like 2026-06-30 is expected.") from None


def is_currency(code: object) -> bool:
    """Whether it has the form of an ISO 4217 code; whether it is one, intake asks."""
    return isinstance(code, str) and len(code) == len("USD") and code.isalpha() and code.isupper()


def either(values: Collection[str]) -> str:
    """The values as words: `a, b or c`; of many, the first few."""
    names = sorted(values)
    if len(names) > _MOST_SAID + 1:
        names = [*names[:_MOST_SAID], f"{len(names) - _MOST_SAID} more"]
    return " or ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
