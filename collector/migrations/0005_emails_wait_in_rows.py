"""Emails wait in rows until the worker has sent them."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('collector', '0004_axes_is_gone'),
    ]

    operations = [
        migrations.AlterField(
            model_name='notice',
            name='mailed_at',
            field=models.DateTimeField(blank=True, help_text='when the email with it was queued', null=True),
        ),
        migrations.CreateModel(
            name='Email',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('asked', 'somebody forgot the password of whoever has this address'), ('reset', 'a link to choose a new password'), ('notices', 'what became of drawings')], max_length=8)),
                ('to', models.EmailField(max_length=254)),
                ('site', models.CharField(blank=True, help_text='where its link leads: an origin', max_length=300)),
                ('queued_at', models.DateTimeField()),
                ('try_count', models.PositiveSmallIntegerField(default=0)),
                ('due_at', models.DateTimeField(db_index=True, help_text='when it is tried next')),
                ('unanswered_at', models.DateTimeField(help_text='since when the mail server has owed an answer to the last try', null=True)),
                ('person', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
    ]
