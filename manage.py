#!/usr/bin/env python
"""Django's command line for this site."""

import os
import sys

from django.core.management import execute_from_command_line

from dadc_site import environment

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "dadc_site.settings"
    with environment.refusing():
        from dadc_site import settings

        environment.keep_temporary_files_in(settings.DATA_DIR / "tmp")
        execute_from_command_line(sys.argv)
