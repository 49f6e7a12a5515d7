"""`manage.py forget_factors NAME`: for an admin who has lost them and whom no other admin can
help."""

from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from collector.management import arguments
from collector.models import Person
from collector.people import factors


class Command(BaseCommand):
    help = "Take away somebody's second factors and sign them out; the password alone signs in."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", type=arguments.text)

    def handle(self, *args: object, **options: Any) -> None:
        try:
            person = Person.objects.get_by_natural_key(options["name"])
        except Person.DoesNotExist as error:
            raise CommandError("There is nobody of this name here.") from error
        if not factors.forget(person):
            raise CommandError(f"{person.username} has no second factor.")
        self.stdout.write(f"{person.username} has no second factor any more.")
