"""Sessions say whose they are, and go on; Django's own table of them goes. An address is confirmed
once it is in `email`, as all of before are."""

from datetime import timedelta

import django.db.models.deletion
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.core import signing
from django.db import migrations, models
from django.utils import timezone


def take_over_sessions(apps, schema_editor):
    connection = schema_editor.connection
    if "django_session" not in connection.introspection.table_names():
        return
    people = {str(pk) for pk in apps.get_model("collector", "Person").objects.values_list("pk", flat=True)}
    Session = apps.get_model("collector", "Session")
    Old = type("Old", (models.Model,), {
        "session_key": models.CharField(max_length=40, primary_key=True),
        "session_data": models.TextField(),
        "expire_date": models.DateTimeField(),
        "Meta": type("Meta", (), {"db_table": "django_session", "managed": False, "app_label": "collector", "apps": apps}),
        "__module__": __name__,
    })
    for old in Old.objects.filter(expire_date__gt=timezone.now()).iterator(500):
        try:
            data = signing.loads(old.session_data, salt="django.contrib.sessions.SessionStore")
        except signing.BadSignature:
            continue
        person = data.get(SESSION_KEY)
        if person in people:
            Session.objects.create(
                session_key=old.session_key,
                session_data=old.session_data,
                expire_date=old.expire_date,
                person_id=person,
                seen_at=old.expire_date - timedelta(seconds=settings.SESSION_COOKIE_AGE),
            )
    schema_editor.execute("DROP TABLE django_session")


class Migration(migrations.Migration):

    dependencies = [
        ('collector', '0005_emails_wait_in_rows'),
    ]

    operations = [
        migrations.AddField(
            model_name='person',
            name='email_asked_at',
            field=models.DateTimeField(blank=True, editable=False, help_text='when they gave the unconfirmed one', null=True),
        ),
        migrations.AddField(
            model_name='person',
            name='unconfirmed_email',
            field=models.EmailField(blank=True, editable=False, help_text='takes the place of theirs once they follow the link sent to it', max_length=254, verbose_name='email'),
        ),
        migrations.AddField(
            model_name='token',
            name='browser',
            field=models.CharField(blank=True, help_text='what asked for it, in short', max_length=40),
        ),
        migrations.AddField(
            model_name='token',
            name='seen_at',
            field=models.DateTimeField(help_text='about when it was last used', null=True),
        ),
        migrations.AlterField(
            model_name='email',
            name='kind',
            field=models.CharField(choices=[('asked', 'somebody forgot the password of whoever has this address'), ('reset', 'a link to choose a new password'), ('notices', 'what became of drawings'), ('confirm', 'a link to confirm this address'), ('changed', 'another address was given for the account')], max_length=8),
        ),
        migrations.CreateModel(
            name='Session',
            fields=[
                ('session_key', models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name='session key')),
                ('session_data', models.TextField(verbose_name='session data')),
                ('expire_date', models.DateTimeField(db_index=True, verbose_name='expire date')),
                ('seen_at', models.DateTimeField(help_text='about when it was last used')),
                ('person', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'session',
                'verbose_name_plural': 'sessions',
                'abstract': False,
            },
        ),
        migrations.RunPython(take_over_sessions, migrations.RunPython.noop),
    ]
