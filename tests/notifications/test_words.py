"""What a template may say, and that it can do no harm."""

from __future__ import annotations

import time
from datetime import date

import pytest

from loyalty.errors import Invalid
from loyalty.notifications.default_words import DEFAULTS, FALLBACK, SAMPLES
from loyalty.notifications.rules import Kind
from loyalty.notifications.words import LONGEST_SUBJECT, Values, Words, check, fill

_LINK = "{{ unsubscribe_url }}"
_VALUES: Values = {
    "member": {"id": "m-1", "name": "Ann"},
    "program": {"name": "Wine & Dine", "unit": "points"},
    "points": 1234567,
    "day": date(2026, 12, 31),
    "nothing": None,
    "unsubscribe_url": "https://points.example/unsubscribe/x",
}


def said(source: str, **more: object) -> str:
    """The plain text that a template makes."""
    return fill(Words("s", source, None), {**_VALUES, **more}).text  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Hello {{ member.name }}", "Hello Ann"),
        (
            "{{ points }} {{ points | number }} {{ points | number('.') }}",
            "1234567 1,234,567 1.234.567",
        ),
        ("{{ day | date }} {{ day | date('d.m.Y') }}", "2026-12-31 31.12.2026"),
        ("[{{ nothing }}] [{{ nothing | date }}]", "[] []"),
        ("{{ nothing or 'friend' }}", "friend"),
        ("{% if points > 10 and not nothing %}yes{% else %}no{% endif %}", "yes"),
        ("{{ 'a' if points == 1 else 'b' }}", "b"),
        ("{{ member.name | upper | lower | title }}", "Ann"),
        ("{% raw %}{{ x }}{% endraw %}{# nothing #}", "{{ x }}"),
        ("{{ program.name }}", "Wine & Dine"),
    ],
)
def test_what_templates_can_say(source: str, text: str) -> None:
    check(Words("s", source + _LINK, None), _VALUES)
    assert said(source) == text


@pytest.mark.parametrize(
    "source",
    [
        "{{",
        "{% if %}",
        "{% endif %}",
        "{{ stranger }}",
        "{{ member.password }}",
        "{{ member.name.first }}",
        "{{ member['name'] }}",
        "{{ member.__class__ }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ self }}",
        "{{ range(10) }}",
        "{{ member.name.upper() }}",
        "{{ lipsum() }}",
        "{{ cycler }}",
        "{% for x in member %}{% endfor %}",
        "{% set x = 1 %}",
        "{% macro x() %}{% endmacro %}",
        "{% include 'x' %}",
        "{% extends 'x' %}",
        "{% import 'x' as y %}",
        "{% block x %}{% endblock %}",
        "{% filter upper %}x{% endfilter %}",
        "{{ 10 ** 10 }}",
        "{{ 'a' * 1000000 }}",
        "{{ points + 1 }}",
        "{{ points / 0 }}",
        "{{ 'a' ~ 'b' }}",
        "{{ [1] }}",
        "{{ {'a': 1} }}",
        "{{ member.name | safe }}",
        "{{ member.name | attr('x') }}",
        "{{ member.name | format }}",
        "{{ member.name | replace('a', 'b') }}",
        "{{ member.name | center(100000000) }}",
        "{{ points is defined }}",
        "{{ nothing | number }}",
        "{{ points | date }}",
        "{% if day > 5 %}{% endif %}",
        "{{ " + "9" * 5000 + " }}",
        "{{ " + "(" * 2000 + "1" + ")" * 2000 + " }}",
        "{{ " + "not " * 500 + "1 }}",
        "{% if 1 %}" * 150 + "{% endif %}" * 150,
    ],
)
def test_what_templates_cannot_say(source: str) -> None:
    begun = time.monotonic()
    with pytest.raises(Invalid) as refused:
        check(Words("s", source + _LINK, None), _VALUES)
    assert time.monotonic() - begun < 2
    [error] = refused.value.errors
    assert (error.pointer, error.code) == ("/text", "bad_template")


def test_every_field_that_is_wrong_is_named() -> None:
    with pytest.raises(Invalid) as refused:
        check(Words("{{ x }}", "no link", "{{ y }}"), _VALUES)
    assert [(one.pointer, one.code) for one in refused.value.errors] == [
        ("/subject", "bad_template"),
        ("/text", "no_unsubscribe"),
        ("/html", "bad_template"),
    ]


def test_a_subject_is_one_line() -> None:
    with pytest.raises(Invalid) as refused:
        check(Words("Hello\r\nBcc: eve@example.com", _LINK, None), _VALUES)
    assert refused.value.errors[0].code == "not_one_line"
    eve = {**_VALUES, "member": {"id": "m", "name": "Ann\r\nBcc: eve@example.com\x0b\u2028!"}}
    subject = fill(Words("Hello {{ member.name }}", _LINK, None), eve).subject
    assert subject == "Hello Ann Bcc: eve@example.com !"
    long = {**_VALUES, "member": {"id": "m", "name": "x" * 500}}
    assert len(fill(Words("{{ member.name }}", _LINK, None), long).subject) == LONGEST_SUBJECT


def test_values_are_escaped_in_html_and_nowhere_else() -> None:
    eve = {**_VALUES, "member": {"id": "m", "name": "<script>alert('&')</script>"}}
    one = "{{ member.name }}"
    filled = fill(Words(one, one, f"<p>{one}</p>"), eve)
    assert filled.subject == filled.text == "<script>alert('&')</script>"
    assert filled.html == "<p>&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;</p>"


def test_what_a_value_says_is_no_template() -> None:
    eve = {**_VALUES, "member": {"id": "m", "name": "{{ points }}{% if %}"}}
    assert fill(Words("s", "{{ member.name }}", None), eve).text == "{{ points }}{% if %}"


def test_what_becomes_too_long_is_refused() -> None:
    long = {**_VALUES, "member": {"id": "m", "name": "x" * 1000}}
    with pytest.raises(Invalid):
        fill(Words("s", "{{ member.name }}" * 500, None), long)


@pytest.mark.parametrize("kind", Kind)
def test_the_words_of_the_house_keep_their_own_rules(kind: Kind) -> None:
    assert FALLBACK in DEFAULTS[kind]
    for words in DEFAULTS[kind].values():
        check(words, *SAMPLES[kind])
        for sample in SAMPLES[kind]:
            filled = fill(words, sample)
            assert filled.html is not None
            for part in (filled.subject, filled.text, filled.html):
                assert "None" not in part
                assert "{" not in part.partition("<body")[2]
            assert "https://loyalty.example/unsubscribe/example" in filled.text
            assert 'href="https://loyalty.example/unsubscribe/example"' in filled.html
