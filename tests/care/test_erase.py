"""Who was erased is nobody: every table is walked, the book is whole, and the others are there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.campaigns.refer import make_referral_code
from loyalty.campaigns.referral_rule import ReferralRule, set_referral_rule
from loyalty.care.adjust import Adjust
from loyalty.care.erase import PREFIX, erase
from loyalty.care.join import join
from loyalty.care.merge import Merge, merge
from loyalty.care.open_balances import Opening, open_balances
from loyalty.care.request_adjustment import request_adjustment
from loyalty.care.suspend import suspend
from loyalty.care.transfer import Transfer, transfer
from loyalty.care.undo_merge import MergeTouched, undo_merge
from loyalty.earning.award import award_activities
from loyalty.earning.replay import replay
from loyalty.errors import NotFound
from loyalty.ids import uuid7
from loyalty.jobs.start import Order, start
from loyalty.members.enrol import NewMember
from loyalty.members.identify import Identifier
from loyalty.members.queries import MemberErased
from loyalty.outbox.emit import Event, emit
from loyalty.programs.queries import Program
from loyalty.redemption.redeem_reward import RedeemReward
from loyalty.segments.queries import segment_by_key
from loyalty.segments.save import add_segment
from loyalty.segments.upload import upload
from tests.book.conftest import act_as
from tests.book.test_checks import verdicts
from tests.book.test_walls import tables
from tests.earning.given import bought, published, stored
from tests.opened import AT, balance, give, joined, opened
from tests.rewards.given import offered, redeemed_reward

BY = By("admin:bea", "r1", AT)
ZOE = NewMember(
    "zoe-4711",
    (Identifier("card", "card-of-zoe"), Identifier("email", "zoe@example.org")),
    "Zoe Zebra",
    date(1990, 6, 30),
    None,
    {"club": "Zanzibar rowing"},
)
#: What nothing may say any more.
TELLING = [
    "zoe-4711",
    "zoe-before",
    "card-of-zoe",
    "zoe@example.org",
    "Zebra",
    "Zanzibar",
    "1990-06-30",
    "zeppelin",
]


@pytest.fixture
def wine(session: Session) -> Program:
    """A program in which Zoe has left a trace in every table where one can be left."""
    program = opened(session)
    club = {"member_attribute": {"name": "club", "in": ["Zanzibar rowing"]}}
    published(session, program, "club", {"fixed": 13, "when": club})
    birthday = {"birthday": {"days_before": 9, "days_after": 9}}
    published(session, program, "birthday", {"fixed": 11, "when": birthday})
    for name in ("bob", "zoe-before"):
        joined(session, program, name, 50)
    rule = ReferralRule(active=True, referrer_points=1, referred_points=1)
    set_referral_rule(session, program, rule, by=By("test", None, AT))
    join(session, program, ZOE, AT)
    make_referral_code(session, program.id, ZOE.member_id, AT)
    _bought(session, program)
    _cared_for(session, program)
    _told(session, program)
    return program


def _bought(session: Session, program: Program) -> None:
    said = {"attributes": {"table": "the one of Zebra"}, "store": "s-1"}
    ids = stored(
        session,
        program,
        bought("10", ZOE.member_id, body=said),
        bought("20", identifier=("card", "card-of-zoe")),
        bought("5", "bob"),
    )
    award_activities(session, ids, AT)
    offered(session, program, "mug")
    redeemed_reward(session, program, RedeemReward("mug"), ZOE.member_id)
    by_member = text("UPDATE redemption SET actor = 'member:zoe-4711', tracking = 'zeppelin'")
    session.execute(by_member)


def _cared_for(session: Session, program: Program) -> None:
    give(session, program, 20, ZOE.member_id)
    order = Transfer(ZOE.member_id, "bob", 4, "from Zebra")
    transfer(session, program, order, by=By("test", None, AT))
    asked = Adjust(3000, "Zebra complained")
    request_adjustment(session, program, ZOE.member_id, asked, by=By("support:sue", None, AT))
    opening = Opening("zoe-4711", ZOE.member_id, 100)
    assert open_balances(session, program, [opening], BY) == ["added"]
    add_segment(session, program, {"key": "vip", "name": "VIP", "condition": None}, BY)
    vip = segment_by_key(session, program.id, "vip", lock=True)
    upload(session, program, vip, add=[ZOE.member_id, "bob"], remove=(), by=BY)
    merge(session, Merge("zoe-before", "zoe-4711", "Zebra"), by=By("x", "r", AT))
    suspend(session, program, ZOE.member_id, reason="Zebra has lost her card", by=By("x", None, AT))
    parked, _ = stored(
        session,
        program,
        bought("7", ZOE.member_id),
        bought("9", identifier=("card", "card-of-zoe")),
    )
    award_activities(session, [parked], AT, top_up=False)


def _told(session: Session, program: Program) -> None:
    """What rooms above this one have copied, as they write it."""
    told = {"member_id": "bob", "referred": "zoe-4711", "points": 4711}
    emit(session, [Event("points.sent", "member bob", told, program.id)], AT)
    asked = {"member_ids": ["zoe-4711", "bob"], "q": "zoe@example.org"}
    job = start(session, Order("import", asked, program, "for Zoe Zebra"), BY)
    values = {
        "tenant": session.info["tenant_id"],
        "job": job,
        "made": f'{{"id":"{session.scalar(text("SELECT id FROM redemption"))}","points":1}}',
        "of_bob": '{"member_id":"bob"}',
        "hook": uuid7(),
        "id": uuid7(),
        "at": AT,
        "body": orjson.dumps(
            {"subject": "member zoe-4711", "partitionkey": "member zoe-4711", "data": told}
        ).decode(),
        "answer": orjson.dumps({"member_id": "zoe-4711", "name": "Zoe Zebra"}).decode(),
    }
    for statement in _COPIES:
        session.execute(text(statement), values)


_COPIES = (
    "UPDATE job SET done = 3, refused = 3",
    "INSERT INTO job_refusal (tenant_id, job_id, place, subject, code, detail)"
    " VALUES (:tenant, :job, 1, 'zoe-4711', 'x', 'y'),"
    " (:tenant, :job, 2, 'bob', 'identifier_taken', 'Another has the card card-of-zoe.'),"
    " (:tenant, :job, 3, 'bob', 'x', 'Nothing of hers.')",
    "INSERT INTO idempotency (tenant_id, operation, key, input_hash, status, body, created_at)"
    " VALUES (:tenant, 'members.enrol', 'join-zoe-4711 x', 'h', 201, :answer, :at),"
    " (:tenant, 'redemptions.create', 'k', 'h', 201, :made, :at),"
    " (:tenant, 'redemptions.create', 'of-bob', 'h', 201, :of_bob, :at)",
    "INSERT INTO webhook (tenant_id, id, url, description, status, secret, cursor, created_at)"
    " VALUES (:tenant, :hook, 'https://x.example', 'x', 'active', 's', '', :at)",
    "INSERT INTO webhook_delivery (tenant_id, webhook_id, id, event_id, type, subject, cursor,"
    " body, status, due_at, laid_out_at)"
    " VALUES (:tenant, :hook, :id, 'e', 't', 'member zoe-4711', 'c', :body, 'pending', :at, :at)",
)


def telling(session: Session) -> dict[str, Sequence[str]]:
    """By table, the rows that say anything of Zoe. As the superuser, who sees all columns."""
    act_as(session, "postgres")
    found = {
        table: rows
        for table in tables(session) - {"promotion_version"}  # a rule names values, not people
        if (
            rows := session.scalars(
                text(
                    f"SELECT x::text FROM {table} x WHERE EXISTS ("
                    "SELECT FROM unnest(CAST(:words AS text[])) word"
                    " WHERE strpos(x::text, word) > 0)"
                ),
                {"words": TELLING},
            ).all()
        )
    }
    act_as(session, "loyalty_app")
    return found


def test_she_stands_in_many_tables_and_then_in_none(session: Session, wine: Program) -> None:
    before = set(telling(session))
    assert before >= {
        "activity",
        "adjustment_request",
        "audit_record",
        "award",
        "event",
        "idempotency",
        "identifier",
        "job",
        "job_refusal",
        "member",
        "member_merge",
        "member_word",
        "opening_balance",
        "redemption",
        "setback",
        "transfer",
        "webhook_delivery",
    }
    erase(session, "zoe-before", "she asked for it", BY)
    assert telling(session) == {}


def test_the_book_is_whole_and_every_award_comes_out_that_can(
    session: Session, wine: Program
) -> None:
    entries = text("SELECT count(*), sum(points) FROM entry WHERE kind <> 'forfeit'")
    before = session.execute(entries).one()
    erased = erase(session, ZOE.member_id, "she asked for it", BY)
    assert (erased.programs, erased.names) == (1, 2)
    assert session.execute(entries).one() == before
    assert session.scalar(text("SELECT sum(available + pending + held) FROM account")) == sum(
        balance(session, wine, "bob")
    )
    act_as(session, "loyalty_system")
    replayed = list(replay(session, session.info["tenant_id"], wine.id))
    assert [differing for _, differing in replayed] == [[]]
    assert verdicts(session)[-1].broken == []


def test_what_stays_of_her_says_that_somebody_was_erased_and_why(
    session: Session, wine: Program
) -> None:
    erase(session, ZOE.member_id, "ticket 17", BY)
    row = session.execute(
        text("SELECT subject, reason, actor, after FROM audit_record WHERE act = 'member.erase'")
    ).one()
    assert row.subject.startswith(f"member {PREFIX}")
    assert (row.reason, row.actor) == ("ticket 17", "admin:bea")
    assert row.after == {"programs": ["wine"], "names": 2}
    name = row.subject.removeprefix("member ")
    [member] = session.execute(
        text("SELECT * FROM member WHERE member_id = :name"), {"name": name}
    ).all()
    assert (member.name, member.birthday, member.attributes) == (None, None, {})
    assert member.erased_at == AT
    activities = session.execute(
        text("SELECT member_id, body FROM activity WHERE member_id = :name ORDER BY amount"),
        {"name": name},
    ).all()
    assert [one.body for one in activities] == [None, None, {"store": "s-1"}, None]


def test_the_others_are_as_they_were(session: Session, wine: Program) -> None:
    of_bob = (
        "SELECT to_jsonb(m) FROM member m WHERE member_id = 'bob'",
        "SELECT to_jsonb(a) FROM activity a WHERE member_id = 'bob'",
        "SELECT to_jsonb(i) FROM idempotency i WHERE key = 'of-bob'",
        "SELECT to_jsonb(r) FROM job_refusal r WHERE place = 3",
        "SELECT to_jsonb(e) - 'data' FROM event e WHERE type = 'points.sent'",
    )
    before = [session.scalar(text(one)) for one in of_bob]
    assert None not in before
    erase(session, ZOE.member_id, "x", BY)
    assert [session.scalar(text(one)) for one in of_bob] == before
    told = session.scalar(text("SELECT data FROM event WHERE type = 'points.sent'"))
    assert told is not None
    assert told.pop("referred").startswith(PREFIX)
    assert told == {"member_id": "bob", "points": 4711}
    assert session.scalar(text("SELECT size FROM segment")) == 1


def test_the_second_time_there_is_nobody(session: Session, wine: Program) -> None:
    erase(session, ZOE.member_id, "x", BY)
    for name in (ZOE.member_id, "zoe-before"):
        with pytest.raises(NotFound):
            erase(session, name, "x", BY)


def test_nobody_lives_on_under_the_name_that_says_nothing(session: Session, wine: Program) -> None:
    erase(session, ZOE.member_id, "x", BY)
    [name] = session.scalars(
        text("SELECT member_id FROM member WHERE erased_at IS NOT NULL AND merged_into IS NULL")
    )
    with pytest.raises(MemberErased):
        join(session, wine, NewMember(name), AT)
    [one] = session.scalars(text("SELECT id FROM member_merge"))
    with pytest.raises(MergeTouched):
        undo_merge(session, one, reason="x", by=By("x", None, AT))


def test_she_can_join_again_and_is_somebody_new(session: Session, wine: Program) -> None:
    erase(session, ZOE.member_id, "x", BY)
    join(session, wine, ZOE, AT)
    assert balance(session, wine, ZOE.member_id).net == 0
    assert verdicts(session)[-1].broken == []


def test_figures_are_never_overwritten_whoever_says_they_are_erasing(
    session: Session, wine: Program
) -> None:
    for change in (
        "UPDATE entry SET points = 1",
        "UPDATE activity SET amount = 1",
        "UPDATE award SET points = 1",
        "UPDATE audit_record SET act = 'x'",
        "DELETE FROM activity",
    ):
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text(f"SET LOCAL loyalty.erasing = 'yes'; {change}"))
    with pytest.raises(DBAPIError, match="append-only"), session.begin_nested():
        session.execute(text("UPDATE activity SET body = NULL"))
