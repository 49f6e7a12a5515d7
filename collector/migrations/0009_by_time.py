"""Sign-ups and readings are found by their time, for the desk's charts."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):

    dependencies = [
        ('collector', '0008_second_factors'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='person',
            index=models.Index(fields=['-joined_at'], name='people_by_time'),
        ),
        migrations.AddIndex(
            model_name='reading',
            index=models.Index(condition=Q(answered_at__isnull=False), fields=['answered_at'], name='readings_by_time'),
        ),
    ]
