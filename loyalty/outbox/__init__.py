"""What happened, told once the transaction that did it is committed."""
