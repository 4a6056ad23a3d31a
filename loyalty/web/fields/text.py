"""Text, and the words and names that have a form of their own."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from marshmallow import fields

from loyalty.web.fields.base import Coded, refuse
from loyalty.web.iso4217 import CURRENCIES

LONGEST_ADDRESS = 254  # RFC 5321
UNSTORABLE = re.compile(
    "[\x00\ud800-\udfff]"
)  # Postgres text holds neither NUL nor half characters


class Text(Coded[str], fields.String):
    """Text of `least` to `most` characters, without NUL and lone surrogates."""

    def __init__(self, *, least: int = 1, most: int = 200, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.least, self.most = least, most
        self.document(**self.limits())

    def limits(self) -> dict[str, object]:
        """The limits as JSON Schema keywords."""
        return {"minLength": self.least, "maxLength": self.most, "pattern": r"^[^\u0000]*$"}

    def _deserialize(self, value: object, *_: object, **__: object) -> str:
        if not isinstance(value, str):
            raise refuse("not_a_string", "A string is expected.")
        if len(value) < self.least:
            raise refuse("too_short", f"{self.least} to {self.most} characters are expected.")
        if len(value) > self.most:
            raise refuse("too_long", f"{self.least} to {self.most} characters are expected.")
        if not value.isprintable() and UNSTORABLE.search(value):
            raise refuse("unstorable", "NUL and lone surrogates are not allowed.")
        return value


class Source(Text):
    """Who tells of a purchase or a return. What begins with a colon is of the house itself."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(most=100, **kwargs)

    def limits(self) -> dict[str, object]:
        """The limits as JSON Schema keywords."""
        return {**super().limits(), "pattern": r"^[^:\u0000][^\u0000]*$"}

    def _deserialize(self, value: object, *args: object, **kwargs: object) -> str:
        source = super()._deserialize(value, *args, **kwargs)
        if source.startswith(":"):
            raise refuse("reserved", "No source of the outside begins with a colon.")
        return source


class Formed(Coded[str], fields.String):
    """Text of one form."""

    form: re.Pattern[str]
    meaning: str

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.document(pattern=f"^{self.form.pattern}$")

    def _deserialize(self, value: object, *_: object, **__: object) -> str:
        if not isinstance(value, str):
            raise refuse("not_a_string", "A string is expected.")
        if self.form.fullmatch(value) is None:
            raise refuse("malformed", self.meaning)
        return value


class MemberId(Formed):
    """The tenant's own opaque id of a member."""

    form = re.compile(r"[A-Za-z0-9._~:@+-]{1,128}")
    meaning = "A member id is 1 to 128 of A-Z a-z 0-9 . _ ~ : @ + - in any order."


class Code(Formed):
    """The tenant's own name of a thing: a retailer's id, a product's SKU."""

    form = re.compile(r"[A-Za-z0-9._~:@+-]{1,100}")
    meaning = "1 to 100 of A-Z a-z 0-9 . _ ~ : @ + - are expected, in any order."


class EntryId(Formed):
    """An entry of the ledger, as statements name it: `<account>-<version>`."""

    form = re.compile(r"[1-9][0-9]{0,17}-[1-9][0-9]{0,17}")
    meaning = "An entry's id is the account and the version: 12-3."


class Slug(Formed):
    """A short name that stands in paths: of a program, a tier, a tenant."""

    form = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
    meaning = "1 to 63 of a-z 0-9 and - are expected, not starting with -"


class Language(Formed):
    """A language: en, or pt-BR."""

    form = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?")
    meaning = "A language like en or pt-BR is expected."


class Email(Formed):
    """An e-mail address in plain ASCII, and nothing that could carry more."""

    form = re.compile(
        r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
        r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9]{2,63}"
    )
    meaning = "An address like ann@example.com is expected."

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.document(maxLength=LONGEST_ADDRESS)

    def _deserialize(self, value: object, *args: object, **kwargs: object) -> str:
        address = super()._deserialize(value, *args, **kwargs)
        if len(address) > LONGEST_ADDRESS:
            raise refuse("too_long", f"At most {LONGEST_ADDRESS} characters are allowed.")
        return address


class Id(Coded[UUID], fields.UUID):
    """The id of something we made: a UUID in its canonical lower-case form."""

    form = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.document(pattern=f"^{self.form.pattern}$")

    def _deserialize(self, value: object, *_: object, **__: object) -> UUID:
        if not isinstance(value, str) or self.form.fullmatch(value) is None:
            raise refuse("malformed", "A UUID in lower case is expected.")
        return UUID(value)


class Choice(Coded[str], fields.String):
    """One of a few words."""

    def __init__(self, choices: Collection[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.choices = tuple(choices)
        self.document(enum=list(self.choices))

    def _deserialize(self, value: object, *_: object, **__: object) -> str:
        if not isinstance(value, str) or value not in self.choices:
            raise refuse("not_one_of", f"One of {', '.join(self.choices)} is expected.")
        return value


class Currency(Coded[str], fields.String):
    """An ISO 4217 code."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.document(pattern="^[A-Z]{3}$", examples=["USD"])

    def _deserialize(self, value: object, *_: object, **__: object) -> str:
        if not isinstance(value, str) or value not in CURRENCIES:
            raise refuse("unknown_currency", "An ISO 4217 code like USD is expected.")
        return value


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


class TimeZone(Coded[str], fields.String):
    """A name of the IANA time zone database."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.document(examples=["Europe/Paris"])

    def _deserialize(self, value: object, *_: object, **__: object) -> str:
        if not isinstance(value, str) or value not in _zones():
            raise refuse("unknown_time_zone", "An IANA name like Europe/Paris is expected.")
        return value
