"""A study has a protocol, which its start freezes, and an end; changes of a started one say why."""

import collector.models.study
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from collector import append_only


def refuse_again(apps, schema_editor):
    # SQLite has made the table of changes anew, without its triggers.
    is_sqlite = schema_editor.connection.vendor == "sqlite"
    again = ["collector_studychange"] if is_sqlite else []
    append_only.refuse(schema_editor.connection, ["collector_studyact", *again])


class Migration(migrations.Migration):

    dependencies = [
        ('collector', '0020_arms'),
    ]

    operations = [
        migrations.CreateModel(
            name='StudyAct',
            fields=[
                ('kind', models.CharField(choices=[('started', 'Started'), ('ended', 'Ended')], max_length=7, primary_key=True, serialize=False)),
                ('admin', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('done_at', models.DateTimeField()),
                ('why', models.TextField(blank=True)),
                ('document', models.TextField(blank=True, help_text='the protocol, as canonical JSON')),
                ('sha256', models.CharField(blank=True, help_text='of the document', max_length=64)),
            ],
        ),
        migrations.AddField(
            model_name='study',
            name='question',
            field=models.CharField(blank=True, default='', help_text='that the study is to answer', max_length=500),
        ),
        migrations.AddField(
            model_name='study',
            name='secondary_outcomes',
            field=models.CharField(blank=True, default='', max_length=100, validators=[collector.models.study.check_outcomes]),
        ),
        migrations.AddField(
            model_name='study',
            name='stop_samples',
            field=models.PositiveIntegerField(blank=True, help_text='of an arm, at which the study may end; without it there is no protocol', null=True, validators=[django.core.validators.MinValueValidator(1)]),
        ),
        migrations.AddField(
            model_name='studychange',
            name='why',
            field=models.TextField(blank=True, default=''),
        ),
        migrations.AddConstraint(
            model_name='study',
            constraint=models.CheckConstraint(condition=models.Q(('stop_samples__isnull', True), ('stop_samples__gte', 1), _connector='OR'), name='a_study_stops_at_a_sample'),
        ),
        migrations.AddConstraint(
            model_name='studyact',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'started'), models.Q(('document', ''), _negated=True), models.Q(('sha256', ''), _negated=True)), models.Q(('kind', 'ended'), models.Q(('why', ''), _negated=True), ('document', ''), ('sha256', '')), _connector='OR'), name='a_start_has_its_protocol'),
        ),
        migrations.AlterField(
            model_name='delivery',
            name='event',
            field=models.CharField(choices=[('attempt.settled', 'a drawing settled'), ('round.opened', 'a round opened'), ('training.failed', 'a training failed'), ('study.ended', 'the study ended'), ('test', 'test')], max_length=20),
        ),
        migrations.RunPython(refuse_again, migrations.RunPython.noop),
    ]
