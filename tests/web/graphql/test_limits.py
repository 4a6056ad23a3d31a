"""How much one document may ask."""

from __future__ import annotations

import time

import pytest
from graphql import get_introspection_query, parse

from loyalty.web.graphql.limits import (
    MOST_ALIASES,
    MOST_FIELDS,
    MOST_LEVELS,
    MOST_TOKENS,
    TooMuchAsked,
    check,
)
from tests.web.graphql.asked import Graph


def _nested(levels: int) -> str:
    return "{a" * levels + "}" * levels


def _chained(fragments: int) -> str:
    """Each fragment spreads the next one twice: 2 to the power of `fragments` fields."""
    chain = [f"fragment f{n} on T {{ ...f{n + 1} ...f{n + 1} }}" for n in range(fragments)]
    return " ".join(["{ ...f0 }", *chain, f"fragment f{fragments} on T {{ a }}"])


@pytest.mark.parametrize(
    "document",
    [
        _nested(MOST_LEVELS),
        "{" + "a " * MOST_FIELDS + "}",
        "{" + "".join(f"a{n}: a " for n in range(MOST_ALIASES)) + "}",
        "{ ...f } fragment f on T { ...f }",  # the validation says that it spreads itself
        "{ ...f }",
        get_introspection_query(),
        "type T { a: Int }",
    ],
)
def test_what_may_be_asked(document: str) -> None:
    check(parse(document))


@pytest.mark.parametrize(
    ("document", "what"),
    [
        (_nested(MOST_LEVELS + 1), "levels"),
        ("{" + "a " * (MOST_FIELDS + 1) + "}", "fields"),
        ("{" + "".join(f"a{n}: a " for n in range(MOST_ALIASES + 1)) + "}", "aliases"),
        ("{ a } fragment unused on T {" + "a " * (MOST_FIELDS + 1) + "}", "fields"),
        ("{ ...f } fragment f on T " + _nested(MOST_LEVELS + 1), "levels"),
        ("{ ... on T " + _nested(MOST_LEVELS + 1) + "}", "levels"),
        (
            "{ a ...f } fragment f on T { " + "...g " * 26 + "} fragment g on T "
            "{ a b c d e f g h i j }",
            "fields",
        ),
        (_chained(9), "fields"),
        ("mutation { " + "".join(f"a{n}: a " for n in range(MOST_ALIASES + 1)) + "}", "aliases"),
    ],
)
def test_what_may_not(document: str, what: str) -> None:
    with pytest.raises(TooMuchAsked, match=what):
        check(parse(document))


def test_fragments_that_spread_fragments_are_measured_once_each() -> None:
    began = time.perf_counter()
    with pytest.raises(TooMuchAsked):
        check(parse(_chained(200)))
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    "document",
    [
        _nested(11),
        "{" + 'product(sku: "a") {sku} ' * 126 + "}",
        "{" + "".join(f'a{n}: product(sku: "a") {{sku}} ' for n in range(21)) + "}",
        _chained(120),
    ],
)
def test_a_document_that_asks_too_much_is_refused_by_name(graph: Graph, document: str) -> None:
    told = graph(document)
    assert (told.status, told.errors) == (200, [(422, "too_much_asked")])
    assert "data" not in told.body


def test_a_long_document_is_not_read(graph: Graph) -> None:
    told = graph("{" + "a " * MOST_TOKENS + "}")
    assert told.errors == [(422, "bad_document")]
    assert str(MOST_TOKENS) in told.body["errors"][0]["message"]


def test_pages_are_short_and_few(graph: Graph) -> None:
    page = "products(first: {first}) {{ next }}"
    for first in (0, 201, -1):
        told = graph("{" + page.format(first=first) + "}")
        assert told.errors == [(422, "invalid")]
        assert told.wrong == [("/first", "out_of_range")]
    pages = " ".join(f"a{n}: {page.format(first=200)}" for n in range(6))
    told = graph("{" + pages + "}")
    assert told.errors == [(422, "too_many_rows")]
    assert graph("{" + pages.partition("a5")[0] + "}").data["a4"] == {"next": None}
