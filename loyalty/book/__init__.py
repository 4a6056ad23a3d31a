"""The book's verdict: whether every invariant holds, and if not, which row breaks it."""
