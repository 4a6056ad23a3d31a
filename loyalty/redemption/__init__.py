"""Points are spent."""
