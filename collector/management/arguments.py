"""What the commands take as arguments, and the password that they take from the environment."""

import argparse
import os
from collections.abc import Callable

from django.core.management import CommandError


def password(otherwise: Callable[[], str]) -> str:
    """Return DADC_PASSWORD as it stands, or what there is otherwise. Raises CommandError where that
    is no text."""
    given = os.environ.get("DADC_PASSWORD", "")
    try:
        return text(given or otherwise())
    except (argparse.ArgumentTypeError, UnicodeDecodeError) as error:
        of = "DADC_PASSWORD" if given else "The password"
        raise CommandError(f"{of}: This is no text in UTF-8.") from error


def text(argument: str, most: int | None = None) -> str:
    """Text that every database takes, of at most so many characters."""
    try:
        argument.encode()
    except UnicodeEncodeError as error:  # of bytes that are no text the shell's are made halves
        raise argparse.ArgumentTypeError("This is no text in UTF-8.") from error
    if most is not None and len(argument) > most:
        raise argparse.ArgumentTypeError(f"This has {len(argument)} characters; at most {most}.")
    return argument


def at_least_one(argument: str) -> int:
    """A whole number from 1 on."""
    return _at_least(1, argument)


def at_least_zero(argument: str) -> int:
    """A whole number from 0 on."""
    return _at_least(0, argument)


def _at_least(least: int, argument: str) -> int:
    number = int(argument)
    if number < least:
        raise argparse.ArgumentTypeError(f"at least {least}")
    return number
