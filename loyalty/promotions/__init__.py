"""Earning rules: what a purchase is worth."""
