"""`manage.py round promote|discard|roll_back N --why …`: what an admin decides of rounds, by
command."""

import getpass
import os
from functools import partial
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from collector.management import arguments
from trainer import candidates, rounds
from trainer.models import LONGEST_NAME, RoundModel


class Command(BaseCommand):
    help = (
        "Promote or discard the held candidate, or open the next round with an earlier "
        "round's model."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        doing = parser.add_subparsers(dest="do", required=True)
        for name in ("promote", "discard", "roll_back"):
            parser_of_action = doing.add_parser(name)
            if name == "roll_back":
                parser_of_action.add_argument(
                    "number", type=int, help="the earlier round whose model opens the next one"
                )
            parser_of_action.add_argument("--why", type=arguments.text, required=True)
            parser_of_action.add_argument(
                "--by",
                type=partial(arguments.text, most=LONGEST_NAME),
                default=_user(),
                help="who decides; your user name on this machine, which is no account's here",
            )

    def handle(self, *args: object, **options: Any) -> None:
        try:
            self.stdout.write(_do(options))
        except (candidates.NotNow, rounds.NoSuchRound) as refusal:
            raise CommandError(str(refusal)) from refusal


def _user() -> str:
    """Who runs this, told apart from an account of the same name; a number where the machine knows
    no name for it, as in a container."""
    try:
        return f"{getpass.getuser()} (by command)"
    except (KeyError, OSError):  # Python before 3.13; from then on
        return f"user {os.getuid()}"


def _do(options: dict[str, Any]) -> str:
    by, why = options["by"], options["why"]
    if options["do"] == "roll_back":
        return f"Round {rounds.roll_back(options['number'], by, why).number} is open."
    held = (
        RoundModel.objects.filter(state=RoundModel.State.HELD).values_list("pk", flat=True).first()
    )
    if held is None:
        raise candidates.NotHeld("No candidate is held.")
    if options["do"] == "promote":
        return f"Round {candidates.promote(held, by, why).number} is open."
    candidates.discard(held, by, why)
    return "The candidate is discarded."
