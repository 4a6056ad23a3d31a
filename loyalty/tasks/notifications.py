"""Members are written to: what is worth a mail is found, and mail is handed to the SMTP server.

Nothing is sent inside a transaction: one marks the mail, then it is sent, then another writes
what became of it. Both ticks may run many times at once, and do nothing where there is no server.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from smtplib import SMTP

from celery import shared_task

from loyalty import metrics
from loyalty.clock import now, wall_clock
from loyalty.config import MailServer, config
from loyalty.logs import logger
from loyalty.notifications.claim import (
    claim,
    give_up_lost,
    settle,
    tenants_with_lost,
    tenants_with_mail,
)
from loyalty.notifications.find import find_causes
from loyalty.notifications.find_expiring import find_expiring
from loyalty.notifications.post_office import Unreachable, hand_in, is_open, post_office
from loyalty.notifications.reader import tenants_that_write
from loyalty.tasks.earning import is_rows_fault, sentence
from loyalty.transaction import across_tenants, transaction

log = logger(__name__)

BUDGET_S = 4.0  # of a tick; less than a worker has that is asked to end
#: One mail may take a timeout at each step of it. Much less than loyalty.notifications.claim waits
#: before it gives a mail up for lost.
_MOST_S = 180


@shared_task(name="notifications.find")
def find() -> None:
    """Finds what is worth a mail, where mail is sent at all."""
    if config().mail is not None:
        find_news()


def find_news() -> None:
    """Reads what happened since the last tick, and looks at what will expire."""
    with across_tenants() as session:
        writing, lost = tenants_that_write(session), tenants_with_lost(session, wall_clock())
    until = time.monotonic() + BUDGET_S
    _in_turns(lost, _give_up_lost, until)
    _in_turns(writing, _find_causes, until)
    _in_turns(writing, _find_expiring, until)


@shared_task(name="notifications.send", soft_time_limit=_MOST_S, time_limit=_MOST_S + 10)
def send() -> None:
    """Sends mail, where there is a server for it."""
    server = config().mail
    if server is not None:
        send_waiting(server)


def send_waiting(server: MailServer) -> None:
    """Sends what waits, for as long as the tick may take; what is left, the next one sends."""
    with across_tenants() as session:
        tenants = tenants_with_mail(session, wall_clock())
    if not tenants:
        return
    try:
        with post_office(server) as smtp:
            until = time.monotonic() + BUDGET_S
            _in_turns(tenants, lambda tenant: _send_one(tenant, server, smtp), until)
    except Unreachable as error:
        metrics.mail_unreachable()
        log.warning("the SMTP server cannot be used", server=server.host, error=str(error))


def _in_turns(tenants: Sequence[int], batch: Callable[[int], bool], until: float) -> None:
    """Batch after batch of each tenant in turns, while there is more to do and time to do it."""
    left = list(tenants)
    while left:
        for tenant_id in list(left):
            if time.monotonic() >= until:
                return
            try:
                more = batch(tenant_id)
            except Exception as error:
                if not is_rows_fault(error):
                    raise
                log.error("mail of a tenant stopped", tenant=tenant_id, error=sentence(error))
                more = False
            if not more:
                left.remove(tenant_id)


def _find_causes(tenant_id: int) -> bool:
    with transaction(tenant_id) as session:
        return find_causes(session, now(session), wall_clock())


def _find_expiring(tenant_id: int) -> bool:
    with transaction(tenant_id) as session:
        return find_expiring(session, now(session))


def _give_up_lost(tenant_id: int) -> bool:
    with transaction(tenant_id) as session:
        lost = give_up_lost(session, wall_clock())
    for kind in lost:
        metrics.mailed(kind, "unknown")
    return False


def _send_one(tenant_id: int, server: MailServer, smtp: SMTP) -> bool:
    """One mail: marked, sent, settled. False when none waits, or the connection is gone."""
    if not is_open(smtp):
        return False
    with transaction(tenant_id) as session:
        claimed = claim(session, server, wall_clock())
    if claimed is None:
        return False
    if claimed.letter is None:
        metrics.mailed(claimed.kind, "not_sent")
        return True
    outcome = hand_in(smtp, server.sender, claimed.letter)
    with transaction(tenant_id) as session:
        settle(session, claimed.letter.id, outcome, wall_clock())
    metrics.mailed(claimed.kind, outcome.became)
    if outcome.became != "sent":
        told = str(claimed.letter.id)
        log.warning("mail not sent", notification=told, became=outcome.became, said=outcome.said)
    return True
