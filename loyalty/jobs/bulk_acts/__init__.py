"""One act for all members whom a search finds, by a worker, batch by batch."""
