"""Long work, done by workers in batches: it goes on wherever one was killed, and tells how far."""
