"""A study that came by a release: under which pseudonyms, and from which. When an admin decided is
set by whoever writes the row, which no table is changed for."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('collector', '0024_analysis'),
    ]

    operations = [
        migrations.AddField(
            model_name='person',
            name='pseudonym',
            field=models.CharField(blank=True, editable=False, help_text='what the release calls them that they came by, and what releases go on to', max_length=16, null=True),
        ),
        migrations.AddField(
            model_name='study',
            name='opened_from',
            field=models.ForeignKey(blank=True, db_index=False, editable=False, help_text='the release, made by another site, that the rounds up to its own came by', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='collector.release'),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name='attempt',
                    name='near_duplicate_of',
                    field=models.ForeignKey(blank=True, db_index=False, help_text='the earlier fool that it nearly repeats; itself where that one did not come along by a release', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='collector.attempt'),
                ),
                migrations.AlterField(
                    model_name='attempt',
                    name='pixels_sha256',
                    field=models.CharField(help_text='none of what was taken back and came by a release, which has no picture of it', max_length=64),
                ),
                migrations.AlterField(
                    model_name='decision',
                    name='decided_at',
                    field=models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
            ],
        ),
    ]
