"""What is counted of attempts and readings is kept in sums, which the database itself keeps from here
on; since there are more of them, 0026 makes them from what is there. What is not kept so is found
in indexes that hold all of it."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('collector', '0014_imported'),
        ('trainer', '0006_samples_of_an_attempt'),
    ]

    operations = [
        migrations.CreateModel(
            name='ConfusionTally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('target_label', models.PositiveSmallIntegerField()),
                ('predicted_label', models.PositiveSmallIntegerField()),
                ('fool_count', models.PositiveIntegerField()),
                ('drawer', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('round', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='trainer.round')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('drawer__isnull', False)), fields=['drawer', 'target_label', 'predicted_label', 'fool_count'], name='confusions_of_a_person')],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('round', None), ('drawer', None), _connector='OR'), name='of_a_round_or_of_a_person'),
                    models.UniqueConstraint(condition=models.Q(('drawer__isnull', False)), fields=('drawer', 'target_label', 'predicted_label'), name='one_tally_of_a_confusion_by_a_person'),
                    models.UniqueConstraint(condition=models.Q(('drawer', None), ('round', None)), fields=('target_label', 'predicted_label'), name='one_tally_of_a_confusion_ever'),
                    models.UniqueConstraint(condition=models.Q(('round__isnull', False)), fields=('round', 'target_label', 'predicted_label'), name='one_tally_of_a_confusion_in_a_round'),
                ],
            },
        ),
        migrations.CreateModel(
            name='ReadingTally',
            fields=[
                ('moderator', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('reading_count', models.PositiveIntegerField()),
                ('practice_count', models.PositiveIntegerField()),
            ],
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
            name='pending',
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
        migrations.RemoveIndex(
            model_name='attempt',
            name='fools_by_their_pixels',
        ),
        migrations.AlterField(
            model_name='reading',
            name='attempt',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='readings', to='collector.attempt'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('credit__gt', 0)), fields=['drawer', '-submitted_at', 'round', 'target_label'], name='what_earned'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('status', 'pending')), fields=['drawer', 'has_fooled', 'status', 'id', 'submitted_at', 'first_read_at', 'needed_reading_count'], name='pending'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('first_read_at__isnull', False)), fields=['-submitted_at', 'id', 'first_read_at'], name='read_at_all'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('status', 'verified')), fields=['drawer', 'target_label', 'predicted_label', 'round', 'status', 'near_duplicate_of', 'is_mnist_duplicate', 'is_imported', 'removed_at'], name='fools_of_a_person'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(fields=['submitted_at', 'drawer', 'target_label', 'status', 'has_fooled', 'near_duplicate_of', 'is_mnist_duplicate', 'is_imported', 'credit'], name='attempts_by_time'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('has_fooled', True)), fields=['pixels_sha256', 'target_label'], name='fools_by_their_pixels'),
        ),
        migrations.AddIndex(
            model_name='reading',
            index=models.Index(fields=['attempt', 'answer', 'is_discounted'], name='readings_of_an_attempt'),
        ),
        migrations.RemoveIndex(
            model_name='attempt',
            name='fools_of_a_digit',
        ),
        migrations.RemoveIndex(
            model_name='attempt',
            name='fools_of_a_digit_by_a_person',
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('has_fooled', True), ('shape__isnull', False)), fields=['target_label', '-submitted_at', 'id', 'drawer', 'status'], name='fools_of_a_digit'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('has_fooled', True), ('shape__isnull', False)), fields=['drawer', 'target_label', '-submitted_at', 'id', 'status'], name='fools_of_a_digit_by_a_person'),
        ),
    ]
