"""The gallery of one round finds its best fools in an index."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('collector', '0015_sums_of_attempts'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('is_imported', False), ('is_mnist_duplicate', False), ('near_duplicate_of__isnull', True), ('removed_at__isnull', True), ('status', 'verified')), fields=['round', '-sureness', '-settled_at'], name='best_fools_of_a_round'),
        ),
    ]
