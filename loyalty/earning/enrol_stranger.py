"""A program may enrol whom a purchase names: `unknown_member: enrol`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from loyalty.earning.parking import reopen_for
from loyalty.earning.program_rules import ProgramRules
from loyalty.members.enrol import AlreadyEnrolled, NewMember, enrol
from loyalty.programs.queries import program_by_id


def enrol_strangers(
    session: Session,
    claimed: Sequence[Row[Any]],
    programs: Mapping[int, ProgramRules],
    at: datetime,
) -> bool:
    """Enrols those whom claimed purchases name by `member_id` and who never joined.

    Who has left is no stranger: a purchase does not bring them back. True when somebody may have
    joined, so that the claim must be read again.
    """
    strangers = {
        (row.member_id, row.program_id)
        for row in claimed
        if row.member_id
        and row.membership_id is None
        and programs[row.program_id].unknown_member == "enrol"
    }
    for member_id, program_id in sorted(strangers):  # two workers with the same ones take turns
        try:
            enrol(session, program_by_id(session, program_id), NewMember(member_id), at)
        except AlreadyEnrolled:
            continue  # by somebody else, just now
        reopen_for(session, program_id, member_id, at)
    return bool(strangers)
