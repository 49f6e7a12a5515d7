"""A notice is kept as it can be said in any language."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('collector', '0011_language'),
    ]

    operations = [
        migrations.AlterField(
            model_name='notice',
            name='text',
            field=models.TextField(help_text='in English'),
        ),
        migrations.AddField(
            model_name='notice',
            name='sentences',
            field=models.JSONField(editable=False, help_text='the same, as it can be said in any language', null=True),
        ),
    ]
