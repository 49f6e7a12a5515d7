"""The WSGI entry that gunicorn serves."""

import os
from importlib import import_module

from django.core.wsgi import get_wsgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "dadc_site.settings"
application = get_wsgi_application()

# All code is loaded once, before the fork, and not at somebody's first stroke.
for module in ("dadc_site.urls", "scipy.stats"):
    import_module(module)
