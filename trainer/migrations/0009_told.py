"""What models said in an arm without a verdict is told once the study has ended."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('trainer', '0007_rounds_of_arms'),
    ]

    operations = [
        migrations.AddField(
            model_name='round',
            name='told_at',
            field=models.DateTimeField(blank=True, help_text='since when people are told of every arm, verdicts too: once a study has ended', null=True),
        ),
    ]
