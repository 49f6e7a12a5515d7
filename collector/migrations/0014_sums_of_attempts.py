"""What is counted of attempts is kept in sums, which the database itself keeps from here on; made
anew here from what is there."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from collector.models import tallies


def keep_sums(apps, schema_editor):
    # In this order: on PostgreSQL nobody changes an attempt any more once there are triggers to be.
    tallies.keep(schema_editor.connection)
    tallies.fill(schema_editor.connection)


class Migration(migrations.Migration):

    dependencies = [
        ('collector', '0013_releases'),
        ('trainer', '0005_reasons_in_any_language'),
    ]

    operations = [
        migrations.CreateModel(
            name='ConfusionTally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('target_label', models.PositiveSmallIntegerField()),
                ('predicted_label', models.PositiveSmallIntegerField()),
                ('fool_count', models.PositiveIntegerField()),
                ('round', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='trainer.round')),
            ],
            options={
                'constraints': [
                    models.UniqueConstraint(condition=models.Q(('round', None)), fields=('target_label', 'predicted_label'), name='one_tally_of_a_confusion_ever'),
                    models.UniqueConstraint(condition=models.Q(('round__isnull', False)), fields=('round', 'target_label', 'predicted_label'), name='one_tally_of_a_confusion_in_a_round'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Tally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField(null=True)),
                ('attempt_count', models.PositiveIntegerField()),
                ('fooled_count', models.PositiveIntegerField()),
                ('pending_count', models.PositiveIntegerField()),
                ('verified_count', models.PositiveIntegerField()),
                ('copy_count', models.PositiveIntegerField()),
                ('credit', models.FloatField()),
                ('drawer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('round', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='trainer.round')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('day__isnull', False)), fields=['drawer', 'day'], name='days_of_a_person')],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('round', None), ('day', None), _connector='OR'), name='a_tally_is_of_one_stretch'),
                    models.UniqueConstraint(condition=models.Q(('day', None), ('round', None)), fields=('drawer',), name='one_tally_ever'),
                    models.UniqueConstraint(condition=models.Q(('round__isnull', False)), fields=('round', 'drawer'), name='one_tally_in_a_round'),
                    models.UniqueConstraint(condition=models.Q(('day__isnull', False)), fields=('day', 'drawer'), name='one_tally_on_a_day'),
                ],
            },
        ),
        migrations.RemoveIndex(
            model_name='attempt',
            name='what_earned',
        ),
        migrations.RemoveIndex(
            model_name='attempt',
            name='fools_of_a_person',
        ),
        migrations.RemoveIndex(
            model_name='attempt',
            name='attempts_by_time',
        ),
        migrations.RemoveIndex(
            model_name='attempt',
            name='of_a_person_in_a_round',
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('credit__gt', 0)), fields=['drawer', '-submitted_at', 'round', 'target_label'], name='what_earned'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('status', 'verified')), fields=['drawer', 'round', 'target_label', 'predicted_label', 'status', 'near_duplicate_of', 'is_mnist_duplicate', 'removed_at'], name='fools_of_a_person'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(fields=['submitted_at', 'drawer', 'target_label', 'status', 'has_fooled', 'near_duplicate_of', 'is_mnist_duplicate', 'credit'], name='attempts_by_time'),
        ),
        migrations.RunPython(keep_sums, migrations.RunPython.noop),
    ]
