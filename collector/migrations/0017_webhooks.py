"""Webhooks, what each is told, and which sites may frame the try-out, whose names a change of the
study has to have room for."""

import django.db.models.deletion
import uuid
from django.db import migrations, models

from collector import append_only


def refuse_again(apps, schema_editor):
    # SQLite has made the table anew, without its triggers.
    if schema_editor.connection.vendor == "sqlite":
        append_only.refuse(schema_editor.connection, ["collector_studychange"])


class Migration(migrations.Migration):

    dependencies = [
        ('collector', '0016_best_fools_of_a_round'),
    ]

    operations = [
        migrations.CreateModel(
            name='Webhook',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('url', models.CharField(max_length=500, unique=True)),
                ('events', models.JSONField(help_text='of which it is told')),
                ('secret', models.BinaryField(help_text='what signs, encrypted')),
                ('former_secret', models.BinaryField(help_text='the one before, which signs too for a while, encrypted', null=True)),
                ('renewed_at', models.DateTimeField(help_text='when the secret replaced the former', null=True)),
                ('added_at', models.DateTimeField()),
                ('resumed_at', models.DateTimeField(help_text='since when it is told; none while it is paused', null=True)),
                ('failure_count', models.PositiveSmallIntegerField(default=0, help_text='how many tries have failed since it took something')),
                ('due_at', models.DateTimeField(help_text='after a failure, before when nothing is tried', null=True)),
            ],
        ),
        migrations.AddField(
            model_name='study',
            name='embed_origins',
            field=models.CharField(blank=True, default='', help_text='of the sites that may frame the try-out, with spaces between them', max_length=500),
        ),
        migrations.AlterField(
            model_name='alarm',
            name='kind',
            field=models.CharField(choices=[('unread', 'Drawings wait to be read, and none has settled for twelve hours.'), ('idle', 'Nobody has drawn anything for two days.'), ('training', 'The last training failed.'), ('disk', 'The disk that holds the data folder is nearly full.'), ('workers', 'There is no sign of life from the workers, or from some of them.'), ('webhooks', 'A webhook takes no events, and some were given up.')], max_length=8),
        ),
        migrations.AlterField(
            model_name='studychange',
            name='after',
            field=models.CharField(max_length=500),
        ),
        migrations.AlterField(
            model_name='studychange',
            name='before',
            field=models.CharField(max_length=500),
        ),
        migrations.RunPython(refuse_again),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('event', models.CharField(choices=[('attempt.settled', 'a drawing settled'), ('round.opened', 'a round opened'), ('training.failed', 'a training failed'), ('test', 'test')], max_length=20)),
                ('subject', models.PositiveBigIntegerField(help_text='the round or the training: of each there is one event', null=True)),
                ('content', models.JSONField(help_text='what is told')),
                ('happened_at', models.DateTimeField()),
                ('queued_at', models.DateTimeField(help_text='since when it waits, as long as it may')),
                ('due_at', models.DateTimeField(help_text='when it is tried next')),
                ('try_count', models.PositiveSmallIntegerField(default=0)),
                ('tried_at', models.DateTimeField(null=True)),
                ('took_ms', models.PositiveIntegerField(null=True)),
                ('answer_status', models.PositiveSmallIntegerField(null=True)),
                ('trouble', models.CharField(blank=True, choices=[('address', 'Its address is within a network, and no address of the internet.'), ('unknown', 'There is no host of that name.'), ('unreachable', 'Nobody took the connection, or it was cut.'), ('tls', 'It has no TLS, or its certificate is not valid for this name.'), ('slow', 'It gave no answer in time.'), ('no http', 'What it answered is no HTTP.'), ('redirect', 'It leads elsewhere, which is not followed.'), ('status', 'It refused.'), ('secret', 'The site’s key is another one: make a new secret.'), ('broken', 'It could not be made; the log says why.')], max_length=11)),
                ('ended_at', models.DateTimeField(db_index=True, help_text='when it was taken, or given up', null=True)),
                ('is_given_up', models.BooleanField(default=False)),
                ('webhook', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='collector.webhook')),
            ],
            options={
                'verbose_name_plural': 'deliveries',
                'indexes': [models.Index(condition=models.Q(('ended_at', None)), fields=['due_at'], name='deliveries_to_come'), models.Index(fields=['-happened_at', 'id'], name='deliveries_by_time')],
                'constraints': [models.UniqueConstraint(fields=('webhook', 'event', 'subject'), name='one_delivery_of_a_subject')],
            },
        ),
    ]
