"""Ids in, one verb, one transaction at a time."""

from __future__ import annotations

import logging

from celery import Celery
from celery.signals import setup_logging, worker_process_init

from loyalty import garbage, logs
from loyalty.config import config
from loyalty.tasks.broker import Mended

#: They say something for every task, and beat has one each second; what failed they say louder.
_CHATTY = ("celery.worker.strategy", "celery.app.trace", "celery.beat")

celery = Celery("loyalty", amqp=Mended, set_as_current=True)
celery.config_from_object("celeryconfig")


@setup_logging.connect
def _speak_like_the_rest(**_: object) -> None:
    logs.configure(config().log_format)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


@worker_process_init.connect
def _work(**_: object) -> None:
    garbage.look_seldom()
