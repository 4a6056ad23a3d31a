"""Ids in, one verb, one transaction at a time."""

from __future__ import annotations

from celery import Celery

celery = Celery("loyalty", set_as_current=True)
celery.config_from_object("celeryconfig")
