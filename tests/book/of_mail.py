"""What members of the small book are written: ann of a milestone, in the tenant's own words."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.audit.by import By
from loyalty.members.queries import membership_of
from loyalty.notifications.add import Cause, add
from loyalty.notifications.rules import Kind
from loyalty.notifications.save_template import save_template
from loyalty.notifications.unsubscribe import link_of, subscribe
from loyalty.notifications.words import Words
from loyalty.programs.change_program import change_program
from loyalty.programs.queries import Program, program_by_slug
from tests.opened import AT

_FIRST = text(
    "SELECT version, available_after FROM entry"
    " WHERE account_id = :account AND to_bucket = 'available' ORDER BY version LIMIT 1"
)


def written_to(session: Session, program: Program) -> None:
    """A program that writes, its words, ann's mail, and that bob wants none."""
    by = By("test", None, AT)
    locked = program_by_slug(session, program.slug, lock=True)
    change_program(session, locked, {"mail": {"milestones": [1]}})
    words = Words("Bravo", "{{ unsubscribe_url }}", None)
    save_template(session, Kind.MILESTONE, "en", words, by)
    ann, bob = (membership_of(session, program.id, name) for name in ("ann", "bob"))
    first = session.execute(_FIRST, {"account": ann.account_id}).one()
    entry = {"account": ann.account_id, "version": first.version}
    data = {"milestone": 1, "points": first.available_after, **entry}
    add(session, [Cause(Kind.MILESTONE, f"milestone {ann.id} 1", program.id, ann.id, data)], AT)
    link_of(session, ann.id, AT)
    subscribe(session, bob.id, wanted=False, by=by)
