#!/usr/bin/env python
"""Django's command line for this site."""

import os
import sys

from django.core.management import BaseCommand, execute_from_command_line

from dadc_site import environment

UNANSWERED = (
    "This command asks for something, and nobody was there to answer: run it in a terminal. "
    "add_person takes its password from DADC_PASSWORD too."
)

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "dadc_site.settings"
    with environment.refusing():
        from collector.management import database
        from dadc_site import settings

        environment.keep_temporary_files_in(settings.DATA_DIR / "tmp")
        # They ask about the code, which `check` does in CI, and load all pages for it: no start of
        # a program has to wait for that.
        BaseCommand.requires_system_checks = []
        try:
            with database.refusing():
                execute_from_command_line(sys.argv)
        except EOFError:  # whatever it asks by: getpass or input, ours or Django's
            sys.exit(f"\n{UNANSWERED}")  # below the question
