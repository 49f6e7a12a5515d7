# The whole schema, folded for the last time: from here on migrations go forward only.

import django.db.models.deletion
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Contributor',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('position', models.PositiveIntegerField(help_text='order of first samples, from 0', unique=True)),
                ('split', models.CharField(choices=[('train', 'Train'), ('test', 'Test')], max_length=5)),
            ],
        ),
        migrations.CreateModel(
            name='Heartbeat',
            fields=[
                ('cluster', models.CharField(max_length=20, primary_key=True, serialize=False)),
                ('beat_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='MnistThumbnails',
            fields=[
                ('digit', models.PositiveSmallIntegerField(primary_key=True, serialize=False)),
                ('thumbnails', models.BinaryField(help_text='uint8, 196 for each image')),
            ],
        ),
        migrations.CreateModel(
            name='RoundModel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('architecture', models.CharField(max_length=50)),
                ('state', models.CharField(choices=[('training', 'Training'), ('promoted', 'Promoted'), ('held', 'Held'), ('failed', 'Failed'), ('discarded', 'Discarded'), ('ablated', 'Ablated')], default='training', max_length=10)),
                ('seed', models.PositiveIntegerField(default=1)),
                ('left_out_contributor', models.UUIDField(blank=True, help_text='an ablation: trained without this contributor, to compare; opens no round', null=True)),
                ('manifest', models.JSONField(blank=True, help_text='what it was made of; equal manifests, equal bytes', null=True)),
                ('report', models.JSONField(blank=True, null=True)),
                ('reasons', models.JSONField(blank=True, default=list, help_text='why held or failed, in sentences')),
                ('decided_by', models.CharField(blank=True, help_text='who promoted or discarded it, if by hand', max_length=100)),
                ('decided_why', models.TextField(blank=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('progress', models.FloatField(default=0.0, help_text='0-1')),
                ('claim_count', models.PositiveSmallIntegerField(default=0)),
                ('token', models.PositiveIntegerField(default=0, help_text='raised by each claim; only its holder may write')),
                ('lease_expires_at', models.DateTimeField(blank=True, null=True)),
                ('initial_model', models.ForeignKey(blank=True, help_text="round 1's model of the same architecture", null=True, on_delete=django.db.models.deletion.PROTECT, to='trainer.roundmodel')),
            ],
        ),
        migrations.CreateModel(
            name='Weights',
            fields=[
                ('model', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, serialize=False, to='trainer.roundmodel')),
                ('data', models.BinaryField()),
                ('sha256', models.CharField(max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name='Round',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(unique=True)),
                ('state', models.CharField(choices=[('open', 'Open'), ('closed', 'Closed')], default='open', max_length=6)),
                ('opened_at', models.DateTimeField()),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('opened_by', models.CharField(blank=True, help_text='who opened it, if by hand', max_length=100)),
                ('opened_why', models.TextField(blank=True)),
                ('model', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rounds', to='trainer.roundmodel')),
            ],
        ),
        migrations.CreateModel(
            name='Sample',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ('attempt', models.UUIDField()),
                ('pixels', models.BinaryField(help_text='28×28 uint8, row by row')),
                ('sha256', models.CharField(max_length=64)),
                ('label', models.PositiveSmallIntegerField()),
                ('has_fooled', models.BooleanField(help_text="verified as having fooled its round's model: only these make a model due")),
                ('is_audited', models.BooleanField(default=False, help_text='did not fool, and was chosen at random to be read')),
                ('added_at', models.DateTimeField(auto_now_add=True)),
                ('withdrawn_at', models.DateTimeField(blank=True, null=True)),
                ('removed_at', models.DateTimeField(blank=True, help_text='the pixels are gone; hash and label stay', null=True)),
                ('contributor', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='trainer.contributor')),
                ('first_trained_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='trainer.roundmodel')),
                ('last_trained_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='trainer.roundmodel')),
                ('round', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='trainer.round')),
            ],
        ),
        migrations.AddConstraint(
            model_name='roundmodel',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'training')), fields=('state',), name='one_training_candidate'),
        ),
        migrations.AddConstraint(
            model_name='roundmodel',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'held')), fields=('state',), name='one_held_candidate'),
        ),
        migrations.AddConstraint(
            model_name='roundmodel',
            constraint=models.CheckConstraint(condition=models.Q(('left_out_contributor__isnull', True), ('state__in', ['training', 'failed', 'ablated']), _connector='OR'), name='what_leaves_somebody_out_opens_no_round'),
        ),
        migrations.AddConstraint(
            model_name='round',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'open')), fields=('state',), name='one_open_round'),
        ),
        migrations.AddConstraint(
            model_name='round',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', True), ('state', 'open')), models.Q(('closed_at__isnull', False), ('state', 'closed')), _connector='OR'), name='closed_round_has_a_time'),
        ),
        migrations.AddIndex(
            model_name='sample',
            index=models.Index(condition=models.Q(('first_trained_by__isnull', True), ('has_fooled', True), ('withdrawn_at__isnull', True)), fields=['round'], name='due_samples'),
        ),
        migrations.AddConstraint(
            model_name='sample',
            constraint=models.UniqueConstraint(condition=models.Q(('withdrawn_at__isnull', True)), fields=('sha256',), name='one_active_sample'),
        ),
        migrations.AddConstraint(
            model_name='sample',
            constraint=models.UniqueConstraint(condition=models.Q(('withdrawn_at__isnull', True)), fields=('attempt',), name='one_per_attempt'),
        ),
        migrations.AddConstraint(
            model_name='sample',
            constraint=models.CheckConstraint(condition=models.Q(('label__lte', 9)), name='sample_label_is_a_digit'),
        ),
        migrations.AddConstraint(
            model_name='sample',
            constraint=models.CheckConstraint(condition=models.Q(('removed_at__isnull', True), ('withdrawn_at__isnull', False), _connector='OR'), name='what_is_removed_is_withdrawn'),
        ),
        migrations.AddConstraint(
            model_name='sample',
            constraint=models.CheckConstraint(condition=models.Q(('has_fooled', False), ('is_audited', False), _connector='OR'), name='what_fooled_was_not_audited'),
        ),
        migrations.AddConstraint(
            model_name='sample',
            constraint=models.CheckConstraint(condition=models.Q(('last_trained_by__isnull', True), models.Q(('last_trained_by__gte', models.F('first_trained_by')), ('withdrawn_at__isnull', False)), _connector='OR'), name='last_trained_only_once_withdrawn'),
        ),
    ]
