"""More of what is counted is kept in sums: statuses, digits of a round, answers a day, and what models
were trained on. All sums are made here from what is there, those of 0015 too. A round's newest
tricks are found by an index."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from collector.models import tallies


def begin(apps, schema_editor):
    connection = schema_editor.connection
    if connection.vendor == 'sqlite':
        # Or the table of sums could not be made anew.
        tallies.leave(connection)
    with connection.cursor() as cursor:
        if connection.vendor == 'postgresql':
            # In the order in which a reading changes them: nobody changes what is summed up.
            cursor.execute(
                'LOCK TABLE collector_reading, collector_attempt, trainer_sample '
                'IN SHARE ROW EXCLUSIVE MODE'
            )
        cursor.execute('DELETE FROM collector_tally')


def keep_sums(apps, schema_editor):
    tallies.keep(schema_editor.connection)
    tallies.fill(schema_editor.connection)


class Migration(migrations.Migration):

    dependencies = [
        ('collector', '0025_opened'),
        ('trainer', '0011_removed_samples'),
    ]

    operations = [
        migrations.RunPython(begin, migrations.RunPython.noop),
        migrations.CreateModel(
            name='DigitTally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('target_label', models.PositiveSmallIntegerField()),
                ('attempt_count', models.PositiveIntegerField()),
                ('fooled_count', models.PositiveIntegerField()),
                ('pending_count', models.PositiveIntegerField()),
                ('verified_count', models.PositiveIntegerField()),
                ('copy_count', models.PositiveIntegerField()),
                ('drawer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('round', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='trainer.round')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('round', 'target_label', 'drawer'), name='one_tally_of_a_digit_in_a_round')],
            },
        ),
        migrations.CreateModel(
            name='ReadingDayTally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('answer_count', models.PositiveIntegerField()),
                ('moderator', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('day', 'moderator'), name='one_tally_of_answers_a_day')],
            },
        ),
        migrations.CreateModel(
            name='SampleTally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('arm', models.CharField(choices=[('dynamic', 'Dynamic'), ('static', 'Static'), ('none', 'None')], max_length=7)),
                ('first_trained_by', models.BigIntegerField()),
                ('last_trained_by', models.BigIntegerField()),
                ('sample_count', models.PositiveIntegerField()),
                ('contributor', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='trainer.contributor')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('arm', 'first_trained_by', 'last_trained_by', 'contributor'), name='one_tally_of_samples_a_span')],
            },
        ),
        migrations.AddField(
            model_name='tally',
            name='all_not_fooled_count',
            field=models.PositiveIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='tally',
            name='all_pending_count',
            field=models.PositiveIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='tally',
            name='all_verified_count',
            field=models.PositiveIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='tally',
            name='all_corrected_count',
            field=models.PositiveIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='tally',
            name='all_rejected_count',
            field=models.PositiveIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='tally',
            name='all_ambiguous_count',
            field=models.PositiveIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='tally',
            name='all_retracted_count',
            field=models.PositiveIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('is_imported', False), ('is_mnist_duplicate', False), ('near_duplicate_of__isnull', True), ('removed_at__isnull', True), ('status', 'verified')), fields=['round', '-settled_at', 'id'], name='newest_fools_of_a_round'),
        ),
        migrations.RunPython(keep_sums, migrations.RunPython.noop),
    ]
