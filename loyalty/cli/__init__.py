"""`loyalty …`: one machine, one command."""
