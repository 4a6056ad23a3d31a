"""What stands in paths: `<slug:program>`, `<member:member_id>`, `<code:sku>`, `<id:earn_id>`.

What does not have the form cannot exist: it is a 404 before anybody asks the database.
"""

from __future__ import annotations

from uuid import UUID

from flask import Flask
from werkzeug.routing import BaseConverter

from loyalty.web.fields import Code, Id, MemberId, Slug


class SlugConverter(BaseConverter):
    """The slug of a program, a tier, a tenant."""

    regex = Slug.form.pattern


class MemberConverter(BaseConverter):
    """The tenant's own opaque id of a member."""

    regex = MemberId.form.pattern


class CodeConverter(BaseConverter):
    """A retailer's id, a product's SKU."""

    regex = Code.form.pattern


class IdConverter(BaseConverter):
    """The id of something we made, as a UUID."""

    regex = Id.form.pattern

    def to_python(self, value: str) -> UUID:
        """The UUID."""
        return UUID(value)

    def to_url(self, value: UUID) -> str:
        """Its canonical text."""
        return str(value)


CONVERTERS: dict[str, type[BaseConverter]] = {
    "slug": SlugConverter,
    "member": MemberConverter,
    "code": CodeConverter,
    "id": IdConverter,
}


def parameter_schema(converter: BaseConverter) -> dict[str, str]:
    """The form as JSON Schema, for the OpenAPI document."""
    return {"type": "string", "pattern": f"^{converter.regex}$"}


def install(app: Flask) -> None:
    """Makes the converters known to the app."""
    app.url_map.converters.update(CONVERTERS)
    app.url_map.merge_slashes = False
