"""The page behind the link to unsubscribe. It asks nobody who they are: the link is signed.

Looking at it changes nothing, for mail scanners follow every link; a click posts. Mail programs
post by themselves what List-Unsubscribe-Post tells them (RFC 8058), and nothing of it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from flask import Flask, Response, request

from loyalty.audit.by import By
from loyalty.clock import now
from loyalty.logs import request_id
from loyalty.notifications.rules import languages
from loyalty.notifications.unsubscribe import (
    BadLink,
    Subscription,
    is_subscribed,
    read_link,
    subscribe,
    subscription_of,
)
from loyalty.transaction import transaction

_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{title}</title>
<style>body{{font:18px/1.5 system-ui,sans-serif;color:#222;background:#f4f4f2;margin:0}}
main{{max-width:32rem;margin:12vh auto;padding:2rem;background:#fff;border-radius:8px}}
button{{font:inherit;padding:.6rem 1.2rem;border:0;border-radius:6px;background:#7a5c2e;color:#fff}}
</style>
</head>
<body><main><h1>{title}</h1><p>{sentence}</p>{form}</main></body>
</html>
"""
_FORM = '<form method="post" action="{action}"><button>{button}</button></form>'
#: language -> words of the page: while mail comes, once it does not, and for a link of nobody.
_WORDS: Mapping[str, Mapping[str, tuple[str, str, str]]] = {
    "en": {
        "on": ("Unsubscribe", "No more mail from {program}?", "Unsubscribe"),
        "off": ("Unsubscribed", "You get no more mail from {program}.", "Subscribe again"),
        "bad": ("This link is not valid", "Use the link of the latest mail, as a whole.", ""),
    },
    "de": {
        "on": ("Abbestellen", "Keine E-Mails mehr von {program}?", "Abbestellen"),
        "off": ("Abbestellt", "{program} schreibt Ihnen nicht mehr.", "Wieder bestellen"),
        "bad": (
            "Dieser Link ist nicht gültig",
            "Bitte den ganzen Link der neuesten Nachricht verwenden.",
            "",
        ),
    },
}
_ONLY_THIS = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'"
_ACTOR = "member:link"


def _unsubscribe(link: str) -> Response:
    """A GET shows the page, a POST unsubscribes; with `?again` it subscribes again."""
    try:
        said = read_link(link)
        with transaction(said.tenant_id) as session:
            whose = subscription_of(session, said)
            if request.method == "POST":
                wanted = "again" in request.args
                by = By(_ACTOR, request_id.get(), now(session))
                subscribe(session, whose.membership_id, wanted=wanted, by=by)
            on = is_subscribed(session, whose.membership_id)
    except BadLink:
        return _page("bad", "en", 404)
    return _page("on" if on else "off", whose.language, 200, whose)


def _page(state: str, language: str, status: int, whose: Subscription | None = None) -> Response:
    told = next(one for one in languages(language, "en") if one in _WORDS)
    title, sentence, button = _WORDS[told][state]
    action = "?again" if state == "off" else "?"
    page = _PAGE.format(
        language=told,
        title=escape(title),
        sentence=escape(sentence.format(program=whose.program if whose else "")),
        form=_FORM.format(action=action, button=escape(button)) if button else "",
    )
    headers = {"Content-Security-Policy": _ONLY_THIS, "Cache-Control": "no-store"}
    return Response(page, status, headers, mimetype="text/html")


def install(app: Flask) -> None:
    """Serves /unsubscribe/<link>."""
    rule, methods = "/unsubscribe/<string(length=38):link>", ["GET", "POST"]
    app.add_url_rule(rule, "unsubscribe", _unsubscribe, methods=methods)
