"""Where releases are given away elsewhere, and by which DOI their files say to cite them."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('collector', '0018_tokens_have_names'),
    ]

    operations = [
        migrations.AddField(
            model_name='release',
            name='cited_doi',
            field=models.CharField(blank=True, help_text='of all versions, by which its files say to cite it', max_length=100),
        ),
        migrations.CreateModel(
            name='Publication',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('place', models.CharField(choices=[('dataset', 'a data set on the Hub'), ('model', 'a model on the Hub'), ('zenodo', 'Zenodo')], max_length=10)),
                ('address', models.CharField(help_text="the Hub's repository, or Zenodo's origin", max_length=200)),
                ('revision', models.CharField(blank=True, help_text="the Hub's commit, or Zenodo's record, also a draft", max_length=100)),
                ('url', models.CharField(blank=True, help_text='its page there', max_length=300)),
                ('doi', models.CharField(blank=True, max_length=100)),
                ('concept_doi', models.CharField(blank=True, help_text='of all versions', max_length=100)),
                ('begun_at', models.DateTimeField(auto_now_add=True)),
                ('published_at', models.DateTimeField(blank=True, null=True)),
                ('taken_back_at', models.DateTimeField(blank=True, null=True)),
                ('try_count', models.PositiveIntegerField(default=0, help_text='since the last that succeeded')),
                ('due_at', models.DateTimeField(help_text='when it is tried next')),
                ('failure', models.CharField(blank=True, help_text='of the last try', max_length=500)),
                ('release', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='publications', to='collector.release')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('release', 'place', 'address'), name='published_once_at_a_place')],
            },
        ),
    ]
