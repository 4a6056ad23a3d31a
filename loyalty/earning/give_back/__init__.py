"""A return, refund or void takes back what a purchase earned: stored first, settled by a worker."""
