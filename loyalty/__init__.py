"""A points bank. Start reading at docs/architecture.md: the house is a street."""
