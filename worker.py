"""The Celery app: `celery -A worker worker -Q award`."""

from loyalty.tasks import celery as app

__all__ = ["app"]
