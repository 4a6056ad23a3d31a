"""What all fields and schemas share: a refusal is a sentence with a code."""

from __future__ import annotations

from typing import Any, TypeVar

import marshmallow
from marshmallow import ValidationError, fields

T = TypeVar("T")


class Refusal(str):
    """A sentence that says what is wrong, with its stable `code`."""

    __slots__ = ("code",)
    code: str

    def __new__(cls, sentence: str, code: str = "invalid") -> Refusal:
        """A refusal is its sentence."""
        refusal = super().__new__(cls, sentence)
        refusal.code = code
        return refusal


def refuse(code: str, sentence: str, field: str = "_schema") -> ValidationError:
    """What a field raises; a schema's validator names the `field` as well."""
    return ValidationError([Refusal(sentence, code)], field)


class Schema(marshmallow.Schema):
    """The base of every schema: what it does not know, it refuses."""

    class Meta:
        """Marshmallow's options."""

        unknown = marshmallow.RAISE

    error_messages = {  # noqa: RUF012 - the form that marshmallow asks for
        "unknown": Refusal("This field is not known here.", "unknown_field"),
        "type": Refusal("An object is expected.", "not_an_object"),
        "invalid": Refusal("An object is expected.", "not_an_object"),
    }


class Coded(fields.Field[T]):
    """A field whose standing refusals (`required`, `null`) carry their code too."""

    def deserialize(
        self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any
    ) -> Any:
        """The loaded value. What marshmallow does, on the two ways that a purchase goes often."""
        if value is marshmallow.missing and not self.required and not callable(self.load_default):
            return self.load_default
        if value is marshmallow.missing or value is None or self.validators:
            return super().deserialize(value, attr, data, **kwargs)
        return self._deserialize(value, attr, data, **kwargs)

    def make_error(self, key: str, **kwargs: Any) -> ValidationError:
        """The refusal that marshmallow knows as `key`."""
        [sentence] = super().make_error(key, **kwargs).messages
        return refuse(key, sentence)

    def document(self, **keywords: object) -> None:
        """Adds JSON Schema keywords; those that the schema's author gave win."""
        self.metadata = {**keywords, **self.metadata}


class Part(Coded[Any], fields.Nested):
    """An object within the object: `Part(SomeSchema)`."""
