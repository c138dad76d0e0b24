"""The one kind of exception that a user ever sees."""


class UserError(Exception):
    """A mistake of the user's, told in one sentence: what was found, where, and what is accepted instead."""
