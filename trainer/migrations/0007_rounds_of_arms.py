"""Rounds, models and samples are of an arm of the study: those that are there, of the dynamic one."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('trainer', '0006_samples_of_an_attempt'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='round',
            name='one_open_round',
        ),
        migrations.RemoveConstraint(
            model_name='roundmodel',
            name='one_training_candidate',
        ),
        migrations.RemoveConstraint(
            model_name='roundmodel',
            name='one_held_candidate',
        ),
        migrations.RemoveConstraint(
            model_name='sample',
            name='one_active_sample',
        ),
        migrations.RemoveIndex(
            model_name='sample',
            name='due_samples',
        ),
        migrations.AddField(
            model_name='round',
            name='arm',
            field=models.CharField(choices=[('dynamic', 'Dynamic'), ('static', 'Static'), ('none', 'None')], default='dynamic', max_length=7),
        ),
        migrations.AddField(
            model_name='roundmodel',
            name='arm',
            field=models.CharField(choices=[('dynamic', 'Dynamic'), ('static', 'Static'), ('none', 'None')], default='dynamic', max_length=7),
        ),
        migrations.AddField(
            model_name='sample',
            name='arm',
            field=models.CharField(choices=[('dynamic', 'Dynamic'), ('static', 'Static'), ('none', 'None')], default='dynamic', max_length=7),
        ),
        migrations.AlterField(
            model_name='round',
            name='number',
            field=models.PositiveIntegerField(),
        ),
        migrations.AddIndex(
            model_name='sample',
            index=models.Index(condition=models.Q(('first_trained_by__isnull', True), ('has_fooled', True), ('withdrawn_at__isnull', True)), fields=['arm'], name='due_samples'),
        ),
        migrations.AddConstraint(
            model_name='round',
            constraint=models.UniqueConstraint(fields=('arm', 'number'), name='one_round_of_a_number'),
        ),
        migrations.AddConstraint(
            model_name='round',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'open')), fields=('arm',), name='one_open_round'),
        ),
        migrations.AddConstraint(
            model_name='round',
            constraint=models.CheckConstraint(condition=models.Q(('arm__in', ['dynamic', 'static', 'none'])), name='round_is_of_an_arm'),
        ),
        migrations.AddConstraint(
            model_name='roundmodel',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'training')), fields=('arm',), name='one_training_candidate'),
        ),
        migrations.AddConstraint(
            model_name='roundmodel',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'held')), fields=('arm',), name='one_held_candidate'),
        ),
        migrations.AddConstraint(
            model_name='roundmodel',
            constraint=models.CheckConstraint(condition=models.Q(('arm__in', ['dynamic', 'static', 'none'])), name='model_is_of_an_arm'),
        ),
        migrations.AddConstraint(
            model_name='sample',
            constraint=models.UniqueConstraint(condition=models.Q(('withdrawn_at__isnull', True)), fields=('sha256', 'arm'), name='one_active_sample'),
        ),
        migrations.AddConstraint(
            model_name='sample',
            constraint=models.CheckConstraint(condition=models.Q(('arm__in', ['dynamic', 'static', 'none'])), name='sample_is_of_an_arm'),
        ),
    ]
