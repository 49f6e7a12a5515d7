"""What the commands take as arguments."""

import argparse


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
    number = int(argument)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number
