"""Tries at passwords are counted without names and addresses; the tables that held them go."""

from django.db import migrations

TABLES = (
    "axes_accessattemptexpiration",
    "axes_accessattempt",
    "axes_accessfailurelog",
    "axes_accesslog",
)


def drop(apps, schema_editor):
    connection = schema_editor.connection
    there = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        for table in TABLES:
            if table in there:
                cursor.execute(f"DROP TABLE {table}")
        cursor.execute("DELETE FROM django_migrations WHERE app = 'axes'")


class Migration(migrations.Migration):

    dependencies = [
        ('collector', '0003_copies_count_for_nothing'),
    ]

    operations = [
        migrations.RunPython(drop, migrations.RunPython.noop),
    ]
