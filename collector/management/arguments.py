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
