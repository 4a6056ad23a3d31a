"""How the schema is written: types are described by their docstrings, fields have an operation."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform

import strawberry
from strawberry.extensions import FieldExtension

from loyalty.tenants.roles import ALLOWED
from loyalty.web.graphql.asking import Info

T = TypeVar("T")


class Operation(FieldExtension):
    """Lets those resolve the field whose role and scopes may do its operation, as REST does."""

    def __init__(self, name: str, *, acts: bool) -> None:
        self.name, self.acts = name, acts

    def resolve(  # type: ignore[override]  # by place: `source` is an argument of `purchases`
        self, next_: Callable[..., Any], source: Any, info: Info, /, **given: Any
    ) -> Any:
        """What the field answers. Raises Forbidden, ScopeMissing."""
        info.context.who.require(self.name)
        if self.acts:
            info.context.let_go()
        return next_(source, info, **given)


def operation(name: str, *, acts: bool = False) -> Callable[[Callable[..., Any]], Any]:
    """A field for those who may do `name`; what it was read with is let go before it `acts`."""
    roles = ", ".join(sorted(ALLOWED[name]))

    def decorate(resolver: Callable[..., Any]) -> Any:
        return strawberry.field(
            resolver=resolver,
            description=f"{inspect.getdoc(resolver)}\n\n`{name}`: {roles}.",
            extensions=[Operation(name, acts=acts)],
        )

    return decorate


def part(resolver: Callable[..., Any]) -> Any:
    """A field that goes with what has been read: who may see that, may see this."""
    return strawberry.field(resolver=resolver, description=inspect.getdoc(resolver))


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field,))
def told(cls: type[T]) -> type[T]:
    """A type of answers."""
    return strawberry.type(cls, description=inspect.getdoc(cls))


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field,))
def given(cls: type[T]) -> type[T]:
    """A type of what comes in."""
    return strawberry.input(cls, description=inspect.getdoc(cls))
