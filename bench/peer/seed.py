"""Makes the peer's tables, members and key: `python -m bench.peer.seed KEY MEMBERS`."""

from __future__ import annotations

import sys
from decimal import Decimal

from sqlalchemy import insert

from bench.peer.models import ApiKey, Base, Member, Program, Session, engine
from bench.purchases import PROGRAM, member_id

if __name__ == "__main__":
    key, members = sys.argv[1], int(sys.argv[2])
    Base.metadata.create_all(engine)
    Session.add(ApiKey(key=key, name="tills"))
    Session.add(Program(slug=PROGRAM, points_per_unit=Decimal(1)))
    Session.execute(
        insert(Member), [{"member_id": member_id(number)} for number in range(1, members + 1)]
    )
    Session.commit()
