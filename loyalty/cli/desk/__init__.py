"""What an operator looks up and puts right: each file is a command, `commands.py` its options."""
