"""The words of a mail: what a template may say, and how it is filled in.

A template is Jinja2 of which only names, conditions and a few filters are allowed: no loops, no
calls, no arithmetic. So it cannot take longer or become larger than its own length lets it, and
the sandbox it runs in is the second wall and not the only one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from jinja2 import StrictUndefined, Template, TemplateError, nodes
from jinja2.filters import FILTERS
from jinja2.sandbox import ImmutableSandboxedEnvironment

from loyalty.errors import FieldError, Invalid
from loyalty.notifications.rules import one_line

LONGEST_SUBJECT, LONGEST_TEXT, LONGEST_HTML = 200, 20_000, 40_000
#: What the link to unsubscribe is called; a template without it is refused.
UNSUBSCRIBE = "unsubscribe_url"

Value = str | int | date | None
Values = Mapping[str, Value | Mapping[str, Value]]

_LONGEST_FILLED = 400_000
_DEEPEST = 20
_FILTERS = ("default", "upper", "lower", "title", "capitalize", "trim", "truncate", "escape", "e")
_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Getattr,
    nodes.Const,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Filter,
    nodes.Keyword,
)
#: What a template that cannot be read, or be filled in, may raise.
_BROKEN = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Words:
    """Subject, plain text, and HTML or None: as a template, or filled in."""

    subject: str
    text: str
    html: str | None


def _number(value: int, separator: str = ",") -> str:
    """1234567 as 1,234,567; the separator of thousands is the language's."""
    return f"{value:,}".replace(",", separator[:1])


def _date(value: date | None, form: str = "Y-m-d") -> str:
    """A day as 2026-12-31, or in another order: `d.m.Y`, `m/d/Y`."""
    if value is None:
        return ""
    numbers = {"Y": f"{value.year:04}", "m": f"{value.month:02}", "d": f"{value.day:02}"}
    return "".join(numbers.get(sign, sign) for sign in form[:20])


def _environment(*, html: bool) -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(
        autoescape=html,
        undefined=StrictUndefined,
        finalize=lambda value: "" if value is None else value,
        cache_size=0,
    )
    made.filters = {name: FILTERS[name] for name in _FILTERS} | {"number": _number, "date": _date}
    made.tests = {}
    made.globals = {}
    return made


_PLAIN, _HTML = _environment(html=False), _environment(html=True)


def fill(words: Words, values: Values) -> Words:
    """The words with the values in them. Raises Invalid where they cannot be filled in."""
    return Words(
        one_line(_filled("/subject", words.subject, values))[:LONGEST_SUBJECT],
        _filled("/text", words.text, values),
        None if words.html is None else _filled("/html", words.html, values),
    )


def check(words: Words, *samples: Values) -> None:
    """Raises Invalid, naming every field, unless the words can be filled in with each sample.

    The samples name everything that may be used; text and HTML must carry the link to
    unsubscribe, and a subject is one line.
    """
    errors: list[FieldError] = []
    if one_line(words.subject) != words.subject:
        errors.append(FieldError("/subject", "not_one_line", "A subject is one line of text."))
    for pointer, source in _parts(words):
        errors += _wrong(pointer, source, samples)
    if errors:
        raise Invalid(errors[0].detail, errors=errors)


def _parts(words: Words) -> Iterator[tuple[str, str]]:
    yield "/subject", words.subject
    yield "/text", words.text
    if words.html is not None:
        yield "/html", words.html


def _wrong(pointer: str, source: str, samples: tuple[Values, ...]) -> Iterator[FieldError]:
    try:
        tree = _PLAIN.parse(source)
        _look_into(tree, samples[0])
        for sample in samples:
            _filled(pointer, source, sample)
    except Invalid as error:
        yield FieldError(pointer, "bad_template", error.detail)
        return
    except _BROKEN as error:
        yield FieldError(pointer, "bad_template", _sentence(error))
        return
    used = {name.name for name in tree.find_all(nodes.Name)}
    if pointer != "/subject" and UNSUBSCRIBE not in used:
        sentence = f"It must say {{{{ {UNSUBSCRIBE} }}}}, so that members can unsubscribe."
        yield FieldError(pointer, "no_unsubscribe", sentence)


def _look_into(tree: nodes.Template, known: Values) -> None:
    """Raises Invalid at the first thing that a template may not say."""
    left: list[tuple[nodes.Node, int]] = [(tree, 0)]
    while left:
        node, depth = left.pop()
        if not isinstance(node, _ALLOWED) or depth > _DEEPEST:
            raise Invalid(f"Line {node.lineno}: {type(node).__name__} is not allowed here.")
        if isinstance(node, nodes.Getattr):
            _look_at_part(node, known)
        elif isinstance(node, nodes.Name) and node.name not in known:
            raise Invalid(f"Line {node.lineno}: {node.name} is none of {', '.join(sorted(known))}.")
        elif isinstance(node, nodes.Filter) and node.name not in _PLAIN.filters:
            raise Invalid(f"Line {node.lineno}: there is no filter {node.name}.")
        left += [(child, depth + 1) for child in node.iter_child_nodes()]


def _look_at_part(node: nodes.Getattr, known: Values) -> None:
    whole = known.get(node.node.name) if isinstance(node.node, nodes.Name) else None
    if not isinstance(whole, Mapping) or node.attr not in whole:
        raise Invalid(f"Line {node.lineno}: there is no .{node.attr} of that.")


@lru_cache(maxsize=256)
def _template(source: str, *, html: bool) -> Template:
    return (_HTML if html else _PLAIN).from_string(source)


def _filled(pointer: str, source: str, values: Values) -> str:
    try:
        filled = _template(source, html=pointer == "/html").render(values)
    except _BROKEN as error:
        raise Invalid.field(pointer, "bad_template", _sentence(error)) from error
    if len(filled) > _LONGEST_FILLED:
        raise Invalid.field(pointer, "too_long", "Filled in, it would be too long.")
    return filled


def _sentence(error: BaseException) -> str:
    line = getattr(error, "lineno", None)
    said = str(error).partition("\n")[0] or type(error).__name__
    return f"Line {line}: {said}" if line else said
