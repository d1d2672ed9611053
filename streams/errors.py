"""Errors meant for people: one line that says what to do."""


class CommandError(Exception):
    """A command failed; its message is one line that says what went wrong and what to do. Exit code 1."""


class UsageError(CommandError):
    """A command was called wrongly; its message says how to call it. Exit code 2."""
