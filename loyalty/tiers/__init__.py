"""Which tier, until when."""
