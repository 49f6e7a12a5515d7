"""How many drawings wait in all is told by the sums, and found by an index."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('collector', '0027_citation'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='tally',
            index=models.Index(
                condition=models.Q(('all_pending_count__gt', 0), ('day', None), ('round', None)),
                fields=['all_pending_count'],
                name='what_waits_in_all',
            ),
        ),
    ]
