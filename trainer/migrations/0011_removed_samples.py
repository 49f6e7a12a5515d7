"""Since when a model cannot be made again is found among what was removed alone, by an index."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('trainer', '0010_opened'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='sample',
            index=models.Index(condition=models.Q(('removed_at__isnull', False)), fields=['removed_at'], name='removed_samples'),
        ),
    ]
