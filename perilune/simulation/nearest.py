"""A hint for a misspelt word."""

import difflib


def nearest(word: str, choices) -> str:
    """' Did you mean …?' or nothing. A word that goes on as this one begins is nearer than any other."""
    longer = [choice for choice in choices if word and choice.startswith(word)]
    found = longer or difflib.get_close_matches(word, list(choices), n=1, cutoff=0.5)
    return f" Did you mean “{found[0]}”?" if found else ""
