"""The words that a tenant starts with, in English and German; templates of its own replace them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType

from loyalty.notifications.rules import Kind
from loyalty.notifications.words import Values, Words

#: The language that there are words in for everything.
FALLBACK = "en"

_HTML = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
</head>
<body style="margin:0;padding:24px;background:#f4f4f2;color:#222;\
font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif">
<div style="max-width:560px;margin:0 auto;padding:32px;background:#fff;border-radius:8px">
<p style="margin:0 0 16px;color:#7a5c2e;font-weight:600">{{{{ program.name }}}}</p>
<h1 style="margin:0 0 16px;font-size:24px;line-height:1.25">{title}</h1>
{paragraphs}
</div>
<p style="max-width:560px;margin:16px auto 0;font-size:13px;color:#777">{why}
<a href="{{{{ unsubscribe_url }}}}" style="color:#777">{unsubscribe}</a></p>
</body>
</html>
"""
_TEXT = """{greeting}

{paragraphs}

{{{{ program.name }}}}

--
{why}
{unsubscribe}: {{{{ unsubscribe_url }}}}
"""
_GREETING = {
    "en": "Hello{% if member.name %} {{ member.name }}{% endif %},",
    "de": "Guten Tag{% if member.name %} {{ member.name }}{% endif %},",
}
_WHY = {
    "en": "You receive this because you are a member of {{ program.name }}.",
    "de": "Sie erhalten diese Nachricht als Mitglied von {{ program.name }}.",
}
_UNSUBSCRIBE = {"en": "Unsubscribe", "de": "Abbestellen"}


def _made(language: str, subject: str, *paragraphs: str) -> Words:
    """Plain text and HTML that say the same."""
    own = {"why": _WHY[language], "unsubscribe": _UNSUBSCRIBE[language]}
    greeting = _GREETING[language]
    boxed = "\n".join(f"<p>{one}</p>" for one in (greeting, *paragraphs))
    return Words(
        subject,
        _TEXT.format(greeting=greeting, paragraphs="\n\n".join(paragraphs), **own),
        _HTML.format(language=language, title=subject, paragraphs=boxed, **own),
    )


_TIER_REACHED = {
    "en": _made(
        "en",
        "You are {{ tier.name }} now",
        "Congratulations: you have reached {{ tier.name }} in {{ program.name }}."
        "{% if until %} It is yours until {{ until | date }} at least.{% endif %}",
    ),
    "de": _made(
        "de",
        "Sie haben jetzt den Status {{ tier.name }}",
        "herzlichen Glückwunsch: Sie haben bei {{ program.name }} den Status {{ tier.name }} "
        'erreicht.{% if until %} Er gilt mindestens bis {{ until | date("d.m.Y") }}.{% endif %}',
    ),
}
_MILESTONE = {
    "en": _made(
        "en",
        "{{ milestone | number }} {{ program.unit }}!",
        "You have passed {{ milestone | number }} {{ program.unit }}: "
        "your balance was {{ points | number }}. Well done!",
    ),
    "de": _made(
        "de",
        '{{ milestone | number(".") }} {{ program.unit }}!',
        'Sie haben {{ milestone | number(".") }} {{ program.unit }} überschritten: '
        'Ihr Guthaben war {{ points | number(".") }}. Glückwunsch!',
    ),
}
_POINTS_EXPIRING = {
    "en": _made(
        "en",
        "{{ points | number }} {{ program.unit }} expire on {{ last_day | date }}",
        "{{ points | number }} of your {{ program.unit }} can be spent up to and including "
        "{{ last_day | date }}. After that day they are gone.",
    ),
    "de": _made(
        "de",
        '{{ points | number(".") }} {{ program.unit }} verfallen am {{ last_day | date("d.m.Y") }}',
        '{{ points | number(".") }} {{ program.unit }} können Sie noch bis einschließlich '
        '{{ last_day | date("d.m.Y") }} einlösen. Danach verfallen sie.',
    ),
}
_REWARD_REDEEMED = {
    "en": _made(
        "en",
        "Your reward: {{ reward.name }}",
        "Here is what you have chosen: {{ reward.name }}"
        "{% if points %}, for {{ points | number }} {{ program.unit }}{% endif %}.",
        "{% if voucher %}Your code is {{ voucher }}."
        "{% if voucher_until %} It is valid until {{ voucher_until | date }}."
        "{% endif %}{% else %}Thank you for being with us.{% endif %}",
    ),
    "de": _made(
        "de",
        "Ihre Prämie: {{ reward.name }}",
        "das haben Sie gewählt: {{ reward.name }}"
        '{% if points %}, für {{ points | number(".") }} {{ program.unit }}{% endif %}.',
        "{% if voucher %}Ihr Code lautet {{ voucher }}."
        '{% if voucher_until %} Er gilt bis {{ voucher_until | date("d.m.Y") }}.'
        "{% endif %}{% else %}Danke, dass Sie dabei sind.{% endif %}",
    ),
}
DEFAULTS: Mapping[Kind, Mapping[str, Words]] = MappingProxyType(
    {
        Kind.TIER_REACHED: _TIER_REACHED,
        Kind.MILESTONE: _MILESTONE,
        Kind.POINTS_EXPIRING: _POINTS_EXPIRING,
        Kind.REWARD_REDEEMED: _REWARD_REDEEMED,
    }
)

_EVERYWHERE: Values = {
    "member": {"id": "m-1", "name": "Ann Example"},
    "program": {"slug": "wine", "name": "Wine & Dine", "unit": "points"},
    "unsubscribe_url": "https://loyalty.example/unsubscribe/example",
}
_NAMELESS: Values = {**_EVERYWHERE, "member": {"id": "m-1", "name": None}}
_DAY = date(2026, 12, 31)
_TIER: Values = {"tier": {"key": "gold", "name": "Gold"}}
_PASSED: Values = {"milestone": 1000, "points": 1010}
_EXPIRING: Values = {"points": 1200, "last_day": _DAY}
_REWARD: Values = {"reward": {"key": "mug", "name": "A mug"}, "points": 500}

#: What may be said of each kind: once with everything known, once with as little as there can be.
SAMPLES: Mapping[Kind, tuple[Values, Values]] = MappingProxyType(
    {
        Kind.TIER_REACHED: (
            {**_EVERYWHERE, **_TIER, "until": _DAY},
            {**_NAMELESS, **_TIER, "until": None},
        ),
        Kind.MILESTONE: ({**_EVERYWHERE, **_PASSED}, {**_NAMELESS, **_PASSED}),
        Kind.POINTS_EXPIRING: ({**_EVERYWHERE, **_EXPIRING}, {**_NAMELESS, **_EXPIRING}),
        Kind.REWARD_REDEEMED: (
            {**_EVERYWHERE, **_REWARD, "voucher": "WINE-1234", "voucher_until": _DAY},
            {**_NAMELESS, **_REWARD, "points": 0, "voucher": None, "voucher_until": None},
        ),
    }
)
