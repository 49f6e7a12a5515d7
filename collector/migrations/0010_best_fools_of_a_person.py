"""A person's best fools, and the digits of a round, are found in indexes."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('collector', '0009_by_time'),
        ('trainer', '0004_heartbeats_of_machines'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='attempt',
            name='attempts_of_a_round',
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(fields=['round', 'status', 'has_fooled', 'near_duplicate_of', 'is_mnist_duplicate', 'target_label'], name='attempts_of_a_round'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('is_mnist_duplicate', False), ('near_duplicate_of__isnull', True), ('removed_at__isnull', True), ('status', 'verified')), fields=['drawer', '-sureness', '-settled_at', 'round', 'submitted_at'], name='best_fools_of_a_person'),
        ),
    ]
