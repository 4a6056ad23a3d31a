"""What a command ends with when it cannot do what it was asked to."""


class Trouble(Exception):
    """A sentence for a person, with the cure; the exit code is 1."""
