#!/usr/bin/env python
"""Serves the site: sets up its database, then keeps web and workers running. `make run` ends in it,
and so may anything else that starts programs; from whatever folder it is called, it needs nothing
but the settings.

`serve.py web`, `worker`, `trainer`, or several of them, serve only these on this machine."""

import os
import sys

from collector.management.parent import Program, keep
from dadc_site import environment, logs

if __name__ == "__main__":
    os.environ.pop("GUNICORN_CMD_ARGS", None)  # gunicorn.conf.py says how the site is served
    with environment.refusing():
        with_crowd = environment.flag("WITH_CROWD", False)
        is_json = environment.one_of("DADC_LOG_FORMAT", "text", logs.FORMATS) == "json"
        trainers = environment.whole(*environment.TRAINERS)
    # Side by side each has a core: torch would judge models on all of them, in each.
    threads = {"OMP_NUM_THREADS": "1"} if trainers > 1 else {}
    programs = [
        Program("web", ["-m", "gunicorn", "dadc_site.wsgi"]),
        Program("worker", ["manage.py", "cluster"]),
        # Trainings wait behind the web: on two cores drawing stays quick meanwhile.
        *(Program("trainer", ["manage.py", "trainer"], threads, 10) for _ in range(trainers)),
    ]
    if not with_crowd and (os.environ.get("DADC_HUB_TOKEN") or os.environ.get("DADC_ZENODO_TOKEN")):
        programs.append(Program("publisher", ["manage.py", "publish", "--keep"], niceness=10))
    if with_crowd:
        programs.append(Program("crowd", ["manage.py", "crowd"], niceness=10))
    names = list(dict.fromkeys(program.name for program in programs))
    wanted = sys.argv[1:] or names
    if unknown := set(wanted) - set(names):
        sys.exit(f"serve.py serves {', '.join(names)}; it does not know {', '.join(unknown)}.")
    setup = ["manage.py", "setup", *(["--serve"] if "web" in wanted else [])]
    programs = [program for program in programs if program.name in wanted]
    sys.exit(keep(Program("setup", setup), programs, logs.as_json if is_json else None))
