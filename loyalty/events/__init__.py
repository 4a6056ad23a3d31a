"""What happened, for the outside: public events, and the feed that tells them in order."""
