"""What stands in paths: `<slug:program>`, `<member:member_id>`, `<code:sku>`, `<id:earn_id>` ….

What does not have the form cannot exist: it is a 404 before anybody asks the database.
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

from flask import Flask
from werkzeug.exceptions import NotFound
from werkzeug.routing import BaseConverter

from loyalty.notifications.rules import Kind
from loyalty.web.fields import Code, EntryId, Id, Language, MemberId, Slug


class SlugConverter(BaseConverter):
    """The slug of a program, a tier, a tenant."""

    regex = Slug.form.pattern


class MemberConverter(BaseConverter):
    """The tenant's own opaque id of a member."""

    regex = MemberId.form.pattern


class CodeConverter(BaseConverter):
    """A retailer's id, a product's SKU."""

    regex = Code.form.pattern


class SourceConverter(BaseConverter):
    """Who tells of purchases; one with a slash in its name can't stand in a path."""

    regex = r"[^:/\u0000-\u001f][^/\u0000-\u001f]{0,99}"


class DayConverter(BaseConverter):
    """A day of the calendar, of these centuries."""

    regex = "2[01][0-9]{2}-[01][0-9]-[0-3][0-9]"

    def to_python(self, value: str) -> date:
        """The day; the 30th of February can't exist."""
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise NotFound from None  # a ValidationError would become a 405 here

    def to_url(self, value: date) -> str:
        """Its text."""
        return value.isoformat()


class EntryConverter(BaseConverter):
    """An entry of the ledger: its account and its version."""

    regex = EntryId.form.pattern

    def to_python(self, value: str) -> tuple[int, int]:
        """Account and version."""
        account, _, version = value.partition("-")
        return int(account), int(version)

    def to_url(self, value: tuple[int, int]) -> str:
        """As statements name it."""
        return f"{value[0]}-{value[1]}"


class IdConverter(BaseConverter):
    """The id of something we made, as a UUID."""

    regex = Id.form.pattern

    def to_python(self, value: str) -> UUID:
        """The UUID."""
        return UUID(value)

    def to_url(self, value: UUID) -> str:
        """Its canonical text."""
        return str(value)


class MailConverter(BaseConverter):
    """A kind of mail."""

    regex = "|".join(Kind)

    def to_python(self, value: str) -> Kind:
        """The kind."""
        return Kind(value)


class LanguageConverter(BaseConverter):
    """A language: en, or pt-BR."""

    regex = Language.form.pattern


CONVERTERS: dict[str, type[BaseConverter]] = {
    "slug": SlugConverter,
    "member": MemberConverter,
    "code": CodeConverter,
    "source": SourceConverter,
    "day": DayConverter,
    "id": IdConverter,
    "entry": EntryConverter,
    "mail": MailConverter,
    "language": LanguageConverter,
}


def parameter_schema(converter: BaseConverter) -> dict[str, str]:
    """The form as JSON Schema, for the OpenAPI document."""
    return {"type": "string", "pattern": f"^{converter.regex}$"}


def install(app: Flask) -> None:
    """Makes the converters known to the app."""
    app.url_map.converters.update(CONVERTERS)
    app.url_map.merge_slashes = False
