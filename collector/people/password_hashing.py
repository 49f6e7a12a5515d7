"""How passwords are hashed: one at a time in a process, so that pages stay quick, and memory small,
in a flood of sign-ins. A hash takes 0.1 s on two cores, and 100 MB."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.hashers import Argon2PasswordHasher

from collector.errors import TooMany
from trainer.learning.sentences import Sentence

PLACES = 4  # of the web's 8 threads in a process; the others go on with pages
_places = threading.BoundedSemaphore(PLACES)
_turn = threading.Lock()


class OneAtATime(Argon2PasswordHasher):
    """Hash with Argon2 as Django does, but have a second thread wait for the first. Raises TooMany
    where enough of them wait."""

    def encode(self, password: str, salt: str) -> str:
        with _place():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with _place():
            return super().verify(password, encoded)


@contextmanager
def _place() -> Iterator[None]:
    if not _places.acquire(blocking=False):
        raise TooMany(
            Sentence("Many people sign in at this moment. Try again in a few seconds."), 3
        )
    try:
        with _turn:
            yield
    finally:
        _places.release()
