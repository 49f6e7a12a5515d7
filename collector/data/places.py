"""What the places have in common at which releases are given away too."""

from contextlib import suppress

from django.conf import settings

MOST_SAID = 300  # letters of what a place says


class Failed(Exception):
    """A try that came to nothing; the message is for admins, and has no token in it. With
    `retry_after` the place says in how many seconds to come back."""

    def __init__(self, message: str, retry_after: int = 0) -> None:
        super().__init__(without_tokens(message))
        self.retry_after = retry_after


def answered(place: str, status: int, said: str, retry_after: str | None) -> Failed:
    """Return the failure that an answer of a place is."""
    what = {401: "does not know the token", 403: "does not let this token do so"}
    does = what.get(status, f"answers {status}")
    words = f" “{said[:MOST_SAID]}”" if said else ""
    seconds = 0
    with suppress(TypeError, ValueError):  # none, or a date
        seconds = max(0, int(retry_after or ""))
    return Failed(f"{place} {does}.{words}", seconds)


def without_tokens(text: str) -> str:
    """Return a text with our tokens cut out, whoever put them there."""
    for token in filter(None, (settings.HUB_TOKEN, settings.ZENODO_TOKEN)):
        text = text.replace(token, "…")
    return text
