"""Why a candidate is held is kept as it can be said in any language."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('trainer', '0004_heartbeats_of_machines'),
    ]

    operations = [
        migrations.AddField(
            model_name='roundmodel',
            name='sentences',
            field=models.JSONField(editable=False, help_text='the reasons, as they can be said in any language', null=True),
        ),
    ]
