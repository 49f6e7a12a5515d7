"""The looks at how a study's arms compare."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('collector', '0023_reasons'),
    ]

    operations = [
        migrations.CreateModel(
            name='Analysis',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('made_at', models.DateTimeField(auto_now_add=True)),
                ('is_interim', models.BooleanField(help_text='made before the study had ended')),
                ('protocol_sha256', models.CharField(blank=True, help_text='of the protocol that it was made under', max_length=64)),
                ('found', models.JSONField(help_text='arms with their counts, and estimates with intervals')),
            ],
            options={
                'verbose_name_plural': 'analyses',
            },
        ),
    ]
