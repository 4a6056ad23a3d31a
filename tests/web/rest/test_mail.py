"""Templates, what a member was written, and whether they want to be, over HTTP."""

from __future__ import annotations

import pytest

from loyalty.clock import wall_clock
from loyalty.members.queries import membership_of
from loyalty.notifications.unsubscribe import link_of
from loyalty.programs.queries import program_by_slug
from loyalty.transaction import transaction
from tests.web.rest.caller import Caller

ONE = "/mail-templates/milestone"
OWN = {
    "subject": "{{ milestone }}!",
    "text": "Bravo. {{ unsubscribe_url }}",
    "html": "<p>{{ member.name }}</p><a href='{{ unsubscribe_url }}'>x</a>",
}
MAILS = "/programs/wine/members/ann/mails"
WANTED = "/programs/wine/members/ann/mail-subscription"


def test_words_are_saved_read_and_taken_away(call: Caller) -> None:
    house = call("GET", f"{ONE}/de", role="marketing")
    assert (house.body["own"], house.body["version"], house.headers["ETag"]) == (False, 0, '"0"')
    assert "milestone" in house.body["names"]
    assert "program.name" in house.body["names"]
    saved = call("PUT", f"{ONE}/de", OWN, role="marketing", If_Match='"0"')
    assert {name: saved.body[name] for name in OWN} == OWN
    assert (saved.body["own"], saved.body["version"]) == (True, 1)
    assert call("GET", f"{ONE}/de").body == saved.body
    assert call("PUT", f"{ONE}/de", OWN, If_Match='"0"').status == 412
    again = call("PUT", f"{ONE}/de", {**OWN, "html": None}, If_Match='"1"')
    assert (again.body["version"], again.body["html"]) == (2, None)
    told = {
        (one["kind"], one["language"]): one for one in call("GET", "/mail-templates").body["data"]
    }
    assert told["milestone", "de"]["own"]
    assert told["milestone", "de"]["subject"] == OWN["subject"]
    assert not told["milestone", "en"]["own"]
    assert len(told) == 8
    assert call("DELETE", f"{ONE}/de").body["text"] == OWN["text"]
    assert call("DELETE", f"{ONE}/de").refusal == (404, "not_found")
    assert call("GET", f"{ONE}/de").body == house.body
    acts = [one["act"] for one in call("GET", "/audit-log").body["data"]]
    assert acts[:3] == ["mail_template.remove", "mail_template.save", "mail_template.save"]


def test_another_language_is_the_tenants_alone(call: Caller) -> None:
    assert call("GET", f"{ONE}/pt-BR").refusal == (404, "not_found")
    assert call("GET", f"{ONE}/PT").status == 404
    assert call("GET", "/mail-templates/invoice/en").status == 404
    assert call("PUT", f"{ONE}/pt-BR", OWN).status == 200
    assert call("GET", f"{ONE}/pt-BR").body["own"]


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        ({"text": "no link"}, ("/text", "no_unsubscribe")),
        ({"html": "<p></p>"}, ("/html", "no_unsubscribe")),
        ({"subject": "a\nb"}, ("/subject", "not_one_line")),
        ({"subject": "{{ tier.name }}"}, ("/subject", "bad_template")),
        ({"text": "{% for x in y %}"}, ("/text", "bad_template")),
        ({"subject": "x" * 201}, ("/subject", "too_long")),
        ({"subject": ""}, ("/subject", "too_short")),
        ({"text": "x" * 20_001}, ("/text", "too_long")),
        ({"html": "x" * 40_001}, ("/html", "too_long")),
        ({"more": 1}, ("/more", "unknown_field")),
    ],
)
def test_words_that_cannot_be_are_refused_by_name(
    call: Caller, words: dict[str, object], wrong: tuple[str, str]
) -> None:
    for method, path in (("PUT", f"{ONE}/en"), ("POST", f"{ONE}/en/preview")):
        assert call(method, path, {**OWN, **words}).wrong == [wrong]
    assert not call("GET", f"{ONE}/en").body["own"]


def test_a_preview_is_what_would_be_sent(call: Caller) -> None:
    shown = call("POST", f"{ONE}/en/preview", {}, role="support").body
    assert shown["subject"] == "1,000 points!"
    assert "Ann Example" in shown["text"]
    assert "Wine &amp; Dine" in shown["html"]
    draft = call("POST", f"{ONE}/en/preview", {"subject": "{{ points }}", "html": None}).body
    assert (draft["subject"], draft["html"], draft["text"]) == ("1010", None, shown["text"])
    assert call("POST", f"{ONE}/sv/preview", {"subject": "x"}).refusal == (404, "not_found")
    assert call("POST", f"{ONE}/sv/preview", OWN).body["subject"] == "1000!"
    assert not call("GET", f"{ONE}/en").body["own"]


def test_templates_are_each_tenants_own(call: Caller, stranger: Caller) -> None:
    call("PUT", f"{ONE}/en", OWN)
    assert not stranger("GET", f"{ONE}/en").body["own"]
    assert call("PUT", f"{ONE}/en", OWN, role="support").status == 403
    assert call("GET", f"{ONE}/en", role="server").status == 403


def test_what_a_program_writes_about(call: Caller) -> None:
    mail = {"milestone_every": 1000, "milestones": [500, 100, 500], "reply_to": "a@example.com"}
    made = call("POST", "/programs", {"slug": "wine", "name": "Wine", "mail": mail})
    assert made.body["mail"] == {
        "tier_reached": False,
        "reward_redeemed": False,
        "milestone_every": 1000,
        "milestones": [100, 500],
        "expiring_days": 0,
        "language": "en",
        "reply_to": "a@example.com",
    }
    patch = {"mail": {"milestone_every": None, "milestones": None, "tier_reached": True}}
    changed = call("PATCH", "/programs/wine", patch).body["mail"]
    assert (changed["milestone_every"], changed["milestones"]) == (None, [])
    assert changed["tier_reached"]


@pytest.mark.parametrize(
    ("mail", "wrong"),
    [
        ({"milestone_every": 0}, "/mail/milestone_every"),
        ({"milestones": [0]}, "/mail/milestones/0"),
        ({"milestones": list(range(1, 52))}, "/mail/milestones"),
        ({"expiring_days": 367}, "/mail/expiring_days"),
        ({"language": "english"}, "/mail/language"),
        ({"reply_to": "a@example.com\r\nBcc: b@example.com"}, "/mail/reply_to"),
        ({"reply_to": "a@" + "x." * 130 + "com"}, "/mail/reply_to"),
        ({"birthday": True}, "/mail/birthday"),
    ],
)
def test_what_a_program_cannot_write_about(
    call: Caller, mail: dict[str, object], wrong: str
) -> None:
    refused = call("POST", "/programs", {"slug": "wine", "name": "Wine", "mail": mail})
    assert [pointer for pointer, _ in refused.wrong] == [wrong]


def test_a_member_sees_and_chooses_for_themselves(wine: Caller) -> None:
    assert wine("GET", MAILS, member="ann").body == {"data": [], "next": None}
    assert wine("GET", WANTED, member="ann").body == {"member_id": "ann", "subscribed": True}
    for _ in range(2):
        off = wine("PUT", WANTED, {"subscribed": False}, member="ann")
        assert off.body == {"member_id": "ann", "subscribed": False}
    assert not wine("GET", WANTED, role="support").body["subscribed"]
    assert wine("PUT", WANTED, {"subscribed": True}, role="server").body["subscribed"]
    assert wine("GET", MAILS, member="ben").status == 403
    assert wine("PUT", WANTED, {"subscribed": False}, member="ben").status == 403
    assert wine("GET", MAILS, role="marketing").status == 403
    strangers = "/programs/wine/members/zoe"
    assert wine("GET", f"{strangers}/mails").refusal == (404, "not_enrolled")
    assert wine("PUT", f"{strangers}/mail-subscription", {"subscribed": True}).status == 404
    acts = [one["act"] for one in wine("GET", "/audit-log").body["data"]]
    assert acts[:2] == ["mail.subscribe", "mail.unsubscribe"]


def link(wine: Caller) -> str:
    """Ann's link."""
    with transaction(wine.tenant.id) as session:
        whose = membership_of(session, program_by_slug(session, "wine").id, "ann")
        return f"/unsubscribe/{link_of(session, whose.id, wall_clock())}"


def test_looking_at_the_link_changes_nothing_and_a_click_does(wine: Caller) -> None:
    path = link(wine)
    assert path == link(wine)
    page = wine.client.get(path)
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert "No more mail from Wine?" in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"
    assert wine("GET", WANTED).body["subscribed"]
    for _ in range(2):  # as RFC 8058 has it
        told = wine.client.post(path, data={"List-Unsubscribe": "One-Click"})
        assert (told.status_code, "You get no more mail from Wine." in told.text) == (200, True)
    assert not wine("GET", WANTED).body["subscribed"]
    assert "Subscribe again" in wine.client.get(path).text
    assert wine.client.post(f"{path}?again").status_code == 200
    assert wine("GET", WANTED).body["subscribed"]


def test_a_link_that_we_did_not_sign_does_nothing(wine: Caller, stranger: Caller) -> None:
    path = link(wine)
    head, tail = path[:-22], path[-22:]
    for forged in (
        head + tail[::-1],
        path[:-2] + ("A" if path[-2] != "A" else "B") + path[-1],
        "/unsubscribe/" + "A" * 38,
        "/unsubscribe/" + "_" * 38,
        "/unsubscribe/" + "%00" + "A" * 37,
        "/unsubscribe/" + "é" * 38,
    ):
        for method in ("GET", "POST"):
            assert wine.client.open(forged, method=method).status_code == 404, forged
    for short in ("/unsubscribe/", path[:-1], path + "A"):
        assert wine.client.post(short).status_code == 404
    assert wine("GET", WANTED).body["subscribed"]
    assert wine.client.delete(path).status_code == 405


def test_a_link_of_one_is_no_link_of_another(wine: Caller, stranger: Caller) -> None:
    """The mark of a tenant's membership does not open another tenant's of the same number."""
    with transaction(stranger.tenant.id) as session:
        link_of(session, 1, wall_clock())
    assert stranger.client.post(link(wine)).status_code == 200
    assert not wine("GET", WANTED).body["subscribed"]


def test_the_page_speaks_the_programs_language_and_escapes_its_name(call: Caller) -> None:
    name = "<b>Wein</b>"
    call("POST", "/programs", {"slug": "wine", "name": name, "mail": {"language": "de-AT"}})
    call("POST", "/programs/wine/members", {"member_id": "ann"})
    page = call.client.get(link(call)).text
    assert "Keine E-Mails mehr von &lt;b&gt;Wein&lt;/b&gt;?" in page
