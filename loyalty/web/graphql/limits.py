"""How much one document may ask: looked at before it is validated, which is dear for long ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)
from strawberry.extensions import SchemaExtension

from loyalty.errors import Problem

MOST_TOKENS = 2000
MOST_FIELDS = 250  # validation compares them two by two
MOST_ALIASES = 20
MOST_LEVELS = 10


class BadDocument(Problem):
    """422: the document does not fit the schema."""

    status = 422
    code = "bad_document"
    title = "The document does not fit the schema"
    cure = "Correct the query: the message says what, `locations` where."


class TooMuchAsked(Problem):
    """422: the document asks for more than one request may."""

    status = 422
    code = "too_much_asked"
    title = "The document asks for too much"
    cure = "Ask for less at a time: fewer fields, fewer aliases, fewer levels."


@dataclass(frozen=True, slots=True)
class Size:
    """How much a part of a document asks for; what a fragment asks counts where it is spread."""

    fields: int = 0
    aliases: int = 0
    levels: int = 0


class Limits(SchemaExtension):
    """Refuses a document that is too large, however it hides that in fragments.

    The library's own limits of depth and aliases walk each fragment as often as it is spread, which
    a document of a hundred short fragments makes for ever; here each is measured once.
    """

    def on_validate(self) -> Iterator[None]:
        """Before validation. Raises TooMuchAsked, and BadDocument for who does not say which."""
        document = self.execution_context.graphql_document
        if document is not None:
            check(document)
            if self.execution_context.context.named is None and _operations(document) > 1:
                raise BadDocument("Of several operations `operationName` names the one to do.")
        yield


def _operations(document: DocumentNode) -> int:
    return sum(isinstance(one, OperationDefinitionNode) for one in document.definitions)


def check(document: DocumentNode) -> None:
    """Raises TooMuchAsked."""
    measure = _Measure(document)
    for definition in document.definitions:
        if isinstance(definition, (OperationDefinitionNode, FragmentDefinitionNode)):
            size = measure.of(definition.selection_set)
            _limit(size.fields, MOST_FIELDS, "fields")  # of fragments that nobody spreads too
            if isinstance(definition, OperationDefinitionNode):
                _limit(size.aliases, MOST_ALIASES, "aliases")
                _limit(size.levels, MOST_LEVELS, "levels")


def _limit(asked: int, most: int, what: str) -> None:
    if asked > most:
        raise TooMuchAsked(f"At most {most} {what} may be asked for at a time.")


class _Measure:
    """Measures the parts of one document, each fragment once."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._sizes: dict[str, Size] = {}

    def of(self, selections: SelectionSetNode | None) -> Size:
        """The size of a selection set; 0 of one that is not there."""
        fields = aliases = levels = 0
        for node in selections.selections if selections else ():
            if isinstance(node, FieldNode):
                inner = self._of_field(node)
            elif isinstance(node, InlineFragmentNode):
                inner = self.of(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                inner = self._of_fragment(node.name.value)
            else:
                continue
            fields, aliases = fields + inner.fields, aliases + inner.aliases
            levels = max(levels, inner.levels)
        return Size(fields, aliases, levels)

    def _of_field(self, node: FieldNode) -> Size:
        inner = self.of(node.selection_set)
        # How deep the schema itself is told, the validation of introspection limits.
        levels = 0 if node.name.value.startswith("__") else inner.levels + 1
        return Size(inner.fields + 1, inner.aliases + bool(node.alias), levels)

    def _of_fragment(self, name: str) -> Size:
        if name not in self._sizes:
            self._sizes[name] = Size()  # what spreads itself is refused by the validation
            fragment = self._fragments.get(name)
            self._sizes[name] = self.of(fragment.selection_set if fragment else None)
        return self._sizes[name]
