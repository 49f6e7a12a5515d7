"""`manage.py add_person NAME --role …`: an account with any role."""

import getpass
from functools import partial
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from collector.errors import Refused
from collector.management import arguments
from collector.models import Person
from collector.people import accounts


class Command(BaseCommand):
    help = "Add a person. The password comes from DADC_PASSWORD, or is asked for."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", type=arguments.text)
        parser.add_argument("--role", choices=Person.Role.values, default=Person.Role.CROWDWORKER)
        parser.add_argument("--email", type=arguments.text, default="")

    def handle(self, *args: object, **options: Any) -> None:
        password = arguments.password(partial(getpass.getpass, f"Password for {options['name']}: "))
        try:
            person = accounts.add(
                options["name"], password, email=options["email"], role=options["role"]
            )
        except Refused as refusal:
            raise CommandError(f"{refusal.field}: {refusal.message}") from refusal
        self.stdout.write(f"Added {person.username}, {person.role}.")
