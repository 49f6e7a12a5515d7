"""A database without a row, within a test's transaction."""

from django.apps import apps
from django.db import connection

from collector import append_only
from collector.moderation import gold
from collector.study import settings as study_settings
from trainer import rounds, target

KEPT = {"django_content_type", "auth_permission", "django_migrations"}


def emptied() -> None:
    """Delete all rows, and set the site up again as its first start does."""
    connection.check_constraints()  # or PostgreSQL lifts no trigger
    append_only.allow(connection)
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            if model._meta.db_table not in KEPT:
                cursor.execute(f"DELETE FROM {model._meta.db_table}")
    connection.check_constraints()
    append_only.refuse(connection)
    target.forget()
    study_settings.begin()
    rounds.open_first("mnist_model")
    gold.ship()
