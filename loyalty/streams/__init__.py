"""Purchases out of Kafka: read by a group, stored as over HTTP, committed after that.

At least once in, exactly once in effect: a purchase is known by program, source and
transaction_id, so reading it again changes nothing. What can't be a purchase goes to a topic of
dead letters, with the reason in its headers. Only `kafka.py` knows Kafka's client.
"""
