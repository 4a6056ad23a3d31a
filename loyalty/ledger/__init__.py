"""Points move here and nowhere else: from bucket to bucket of an account, never out of nothing."""
