"""API tokens have names, by which their owners know them."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('collector', '0016_best_fools_of_a_round'),
    ]

    operations = [
        migrations.AddField(
            model_name='token',
            name='name',
            field=models.CharField(
                blank=True,
                default='',
                help_text='as its owner calls it, if they do',
                max_length=40,
            ),
        ),
    ]
