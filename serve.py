#!/usr/bin/env python
"""Serves the site: sets up its database, then keeps web and workers running. `make run` ends in it,
and so may anything else that starts programs; from whatever folder it is called, it needs nothing
but the settings."""

import os
import sys

from collector.management.parent import Program, keep
from dadc_site import environment, logs

if __name__ == "__main__":
    os.environ.pop("GUNICORN_CMD_ARGS", None)  # gunicorn.conf.py says how the site is served
    with environment.refusing():
        with_crowd = environment.flag("WITH_CROWD", False)
        is_json = environment.one_of("DADC_LOG_FORMAT", "text", logs.FORMATS) == "json"
    cluster = ["manage.py", "cluster"]
    programs = [
        Program("web", ["-m", "gunicorn", "dadc_site.wsgi"]),
        Program("worker", cluster, {"Q_CLUSTER_NAME": "dadc"}),
        # Trainings wait behind the web: on two cores drawing stays quick meanwhile.
        Program("trainer", cluster, {"Q_CLUSTER_NAME": "train"}, niceness=10),
    ]
    if with_crowd:
        programs.append(Program("crowd", ["manage.py", "crowd"], niceness=10))
    setup = Program("setup", ["manage.py", "setup", "--serve"])
    sys.exit(keep(setup, programs, logs.as_json if is_json else None))
