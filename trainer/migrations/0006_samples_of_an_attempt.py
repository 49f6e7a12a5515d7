"""What became of a drawing's samples is found in an index: those withdrawn were in none."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('trainer', '0005_reasons_in_any_language'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='sample',
            index=models.Index(fields=['attempt'], name='samples_of_an_attempt'),
        ),
    ]
