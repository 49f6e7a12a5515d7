"""People are spoken to in their language."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('collector', '0010_best_fools_of_a_person'),
    ]

    operations = [
        migrations.AddField(
            model_name='person',
            name='language',
            field=models.CharField(blank=True, default='', editable=False, help_text='in which they are told things; empty: as their browser says', max_length=10),
            preserve_default=False,
        ),
    ]
