"""Keys and their answers: the same key twice is one effect and one answer."""

from loyalty.idempotency.once import Answer, IdempotencyInFlight, IdempotencyMismatch, once

__all__ = ["Answer", "IdempotencyInFlight", "IdempotencyMismatch", "once"]
