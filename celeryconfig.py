"""How messages are delivered. Nothing here guards a purchase (Postgres does, and the sweep);
these settings keep the waiting short and the damage of a kill small."""

from __future__ import annotations

from loyalty.config import config

broker_url = config().redis_url
result_backend = None  # results are in the ledger
task_ignore_result = True

# One message names many purchases: a worker takes one at a time, so that a kill delays few.
worker_prefetch_multiplier = 1
# Acknowledge after the work: a killed pool child's message comes back …
task_acks_late = True
task_reject_on_worker_lost = True
# … but one that came back by a timeout, an error or a lost parent is the sweep's business.
task_acks_on_failure = True
task_acks_on_timeout = True
broker_transport_options = {
    # Un-acknowledged messages of a killed parent return after this long; the sweep is faster.
    "visibility_timeout": 60,
    "socket_connect_timeout": 2,
    # Must exceed kombu's BRPOP of one second, and bounds a Redis that swallows packets.
    "socket_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 10,
}
broker_connection_timeout = 2
broker_connection_retry_on_startup = True  # workers wait for Redis instead of dying
broker_connection_max_retries = None
worker_cancel_long_running_tasks_on_connection_loss = False  # the work is safe in Postgres
broker_heartbeat = None

# On SIGTERM finish what is at hand for up to 10 s, then give the rest back.
worker_soft_shutdown_timeout = 10.0
# A batch takes tens of milliseconds; one that takes this long hangs.
task_soft_time_limit = 30
task_time_limit = 40
worker_max_memory_per_child = 400_000  # KiB; a leak ends a child between tasks, not the machine

task_serializer = "json"
accept_content = ["json"]
enable_utc = True
timezone = "UTC"
worker_hijack_root_logger = False
worker_send_task_events = True  # Flower shows tasks …
task_send_sent_event = False  # … but the web process need not say what it sent
event_queue_expires = 60.0
event_queue_ttl = 5.0

imports = (
    "loyalty.tasks.earning",
    "loyalty.tasks.ops",
    "loyalty.tasks.lifecycle",
    "loyalty.tasks.re_evaluations",
    "loyalty.tasks.returns",
    "loyalty.tasks.gifts",
    "loyalty.tasks.imports",
    "loyalty.tasks.jobs",
    "loyalty.tasks.notifications",
    "loyalty.tasks.segments",
    "loyalty.tasks.tiers",
    "loyalty.tasks.expiry",
    "loyalty.tasks.webhooks",
)
task_default_queue = "award"
task_create_missing_queues = False
task_queues = {
    "award": {"exchange": "award", "routing_key": "award"},
    # Its own queue and its own worker, so that no backlog of awards hides the sweep.
    "sweep": {"exchange": "sweep", "routing_key": "sweep"},
    # Ticks that may take a second and more. Its worker takes from the two in turns, so that the
    # sweep waits for one of them at most.
    "time": {"exchange": "time", "routing_key": "time"},
    # Mail has a worker of its own: somebody else's slow server must hold up nothing of ours.
    "mail": {"exchange": "mail", "routing_key": "mail"},
    # And so have webhooks: many wait side by side, each for an endpoint of its own.
    "webhooks": {"exchange": "webhooks", "routing_key": "webhooks"},
}
task_routes = {
    "earning.award": {"queue": "award"},
    "ops.canary": {"queue": "award"},
    "returns.settle": {"queue": "award"},
    "returns.sweep": {"queue": "sweep"},
    "re_evaluations.go_on": {"queue": "award"},
    "re_evaluations.sweep": {"queue": "sweep"},
    "gifts.give": {"queue": "award"},
    "gifts.sweep": {"queue": "sweep"},
    "imports.forget": {"queue": "sweep"},
    "jobs.advance": {"queue": "award"},
    "jobs.sweep": {"queue": "sweep"},
    "earning.sweep": {"queue": "sweep"},
    "earning.park_watch": {"queue": "sweep"},
    "earning.replay_lately": {"queue": "time"},
    "lifecycle.*": {"queue": "time"},
    "segments.*": {"queue": "time"},
    "notifications.*": {"queue": "mail"},
    "webhooks.deliver": {"queue": "webhooks"},
    "webhooks.sweep": {"queue": "sweep"},
    "webhooks.forget": {"queue": "time"},
    "ops.*": {"queue": "sweep"},
}

# A tick that waited longer than its interval is dropped: the next one does its work.
beat_schedule = {
    "sweep": {"task": "earning.sweep", "schedule": 1.0, "options": {"expires": 2}},
    "sweep-gifts": {"task": "gifts.sweep", "schedule": 2.0, "options": {"expires": 3}},
    "sweep-webhooks": {"task": "webhooks.sweep", "schedule": 1.0, "options": {"expires": 2}},
    "sweep-returns": {"task": "returns.sweep", "schedule": 2.0, "options": {"expires": 3}},
    "move-due": {"task": "lifecycle.move_due", "schedule": 2.0, "options": {"expires": 2}},
    "lapse-holds": {"task": "lifecycle.lapse", "schedule": 2.0, "options": {"expires": 2}},
    "review-tiers": {"task": "lifecycle.review_tiers", "schedule": 2.0, "options": {"expires": 2}},
    "sweep-runs": {"task": "re_evaluations.sweep", "schedule": 20.0, "options": {"expires": 20}},
    "sweep-jobs": {"task": "jobs.sweep", "schedule": 5.0, "options": {"expires": 5}},
    "park-watch": {"task": "earning.park_watch", "schedule": 20.0, "options": {"expires": 20}},
    "replay": {"task": "earning.replay_lately", "schedule": 60.0, "options": {"expires": 60}},
    "warn-of-expiry": {
        "task": "lifecycle.warn_of_expiry",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "heartbeat": {"task": "ops.heartbeat", "schedule": 5.0, "options": {"expires": 5}},
    "audit-touched": {"task": "ops.audit_touched", "schedule": 10.0, "options": {"expires": 10}},
    "segment-sizes": {"task": "segments.count", "schedule": 600.0, "options": {"expires": 600}},
    "forget-deliveries": {
        "task": "webhooks.forget",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
    "forget-uploads": {
        "task": "imports.forget",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
    "forget-keys": {"task": "ops.forget_keys", "schedule": 3600.0, "options": {"expires": 3600}},
}
if config().mail is not None:  # else nobody takes from that queue, and ticks would pile up in it
    beat_schedule |= {
        "find-mail": {"task": "notifications.find", "schedule": 5.0, "options": {"expires": 5}},
        "send-mail": {"task": "notifications.send", "schedule": 5.0, "options": {"expires": 5}},
    }
