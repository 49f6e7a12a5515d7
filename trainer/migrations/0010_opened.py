"""What came by a release has its own times, and models that did not come along have no
architecture. No table is changed."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('trainer', '0009_told'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name='roundmodel',
                    name='architecture',
                    field=models.CharField(help_text='none of a model that did not come along by a release', max_length=50),
                ),
                migrations.AlterField(
                    model_name='sample',
                    name='added_at',
                    field=models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
            ],
        ),
    ]
