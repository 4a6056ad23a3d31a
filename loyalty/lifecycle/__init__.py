"""What time does: finds what is due and calls the room that does it."""
