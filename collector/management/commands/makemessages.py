"""Django's makemessages, which also finds the sentences that are made where no reader is known."""

from django.core.management.commands import makemessages


class Command(makemessages.Command):
    xgettext_options = [
        *makemessages.Command.xgettext_options,
        "--keyword=Sentence:1",
        "--keyword=counted:1,2",
    ]
