"""A rule was wrong: what purchases earned by it is worked out again, and the difference posted."""
