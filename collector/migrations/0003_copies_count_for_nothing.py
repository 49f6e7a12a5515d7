"""Earlier fools get the shape that copies are found by; copies that wait to be trained on do not
any more."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models
from django.utils import timezone

from trainer.learning import similarity

CHUNK = 500  # rows in memory at once


def give_shapes(apps, schema_editor):
    attempts = apps.get_model("collector", "Attempt").objects
    fools = attempts.filter(has_fooled=True, removed_at=None, shape=None).only("strokes")
    ids = list(fools.values_list("pk", flat=True))
    for first in range(0, len(ids), CHUNK):
        some = list(fools.filter(pk__in=ids[first : first + CHUNK]))
        for fool in some:
            fool.shape = similarity.shape(similarity.path_of(fool.strokes)).tobytes()
        attempts.bulk_update(some, ["shape"])


def withdraw_waiting_copies(apps, schema_editor):
    copies = apps.get_model("collector", "Attempt").objects.filter(near_duplicate_of__isnull=False)
    apps.get_model("trainer", "Sample").objects.filter(
        attempt__in=copies.values("pk"), withdrawn_at=None, first_trained_by=None
    ).update(withdrawn_at=timezone.now())


class Migration(migrations.Migration):

    dependencies = [
        ('collector', '0002_account_actions'),
        ('trainer', '0001_house'),
    ]

    operations = [
        migrations.CreateModel(
            name='AskedPrediction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('asked_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('pixels_sha256', models.CharField(max_length=64)),
                ('shape', models.BinaryField()),
            ],
        ),
        migrations.RemoveIndex(
            model_name='attempt',
            name='attempts_of_a_person',
        ),
        migrations.RemoveIndex(
            model_name='attempt',
            name='of_a_person_in_a_round',
        ),
        migrations.RemoveIndex(
            model_name='attempt',
            name='attempts_of_a_round',
        ),
        migrations.AddField(
            model_name='attempt',
            name='shape',
            field=models.BinaryField(help_text="of what fooled: its path's density, 20×20 uint8, to find copies by", null=True),
        ),
        migrations.AddField(
            model_name='attempt',
            name='taken_back_at',
            field=models.DateTimeField(blank=True, help_text='when its drawer took back what was chosen to be read all the same, unknown to them: they see it as taken back, and the audit goes on', null=True),
        ),
        migrations.AlterField(
            model_name='attempt',
            name='has_live_preview',
            field=models.BooleanField(help_text="whether its drawer could see the model's view before they submitted it: the study shows it, or they asked for it"),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(fields=['drawer', '-submitted_at', 'status', 'has_fooled', 'near_duplicate_of', 'is_mnist_duplicate'], name='attempts_of_a_person'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(fields=['drawer', 'round', 'status', 'has_fooled', 'near_duplicate_of', 'is_mnist_duplicate'], name='of_a_person_in_a_round'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(fields=['round', 'status', 'has_fooled', 'near_duplicate_of', 'is_mnist_duplicate'], name='attempts_of_a_round'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('has_fooled', True)), fields=['drawer', 'target_label', '-submitted_at'], name='fools_of_a_digit_by_a_person'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('has_fooled', True)), fields=['pixels_sha256'], name='fools_by_their_pixels'),
        ),
        migrations.AddConstraint(
            model_name='attempt',
            constraint=models.CheckConstraint(condition=models.Q(('taken_back_at__isnull', True), ('is_audited', True), _connector='OR'), name='only_the_audited_are_read_once_taken_back'),
        ),
        migrations.AddField(
            model_name='askedprediction',
            name='person',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddIndex(
            model_name='askedprediction',
            index=models.Index(fields=['person', '-asked_at'], name='asked_by_a_person'),
        ),
        migrations.RemoveConstraint(model_name='attempt', name='no_copy_in_a_round'),
        migrations.AddConstraint(
            model_name='attempt',
            constraint=models.UniqueConstraint(condition=models.Q(models.Q(('status', 'retracted'), _negated=True), ('taken_back_at__isnull', True)), fields=('round', 'pixels_sha256'), name='no_copy_in_a_round'),
        ),
        migrations.RunPython(give_shapes, migrations.RunPython.noop),
        migrations.RunPython(withdraw_waiting_copies, migrations.RunPython.noop),
    ]
