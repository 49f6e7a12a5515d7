"""What has been released of the data, and under which licence it is given."""

import collector.models.study
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('collector', '0012_notices_in_any_language'),
        ('trainer', '0004_heartbeats_of_machines'),
    ]

    operations = [
        migrations.AddField(
            model_name='attempt',
            name='licence',
            field=models.CharField(blank=True, default='', help_text='under which it was given: what the study said when it was submitted', max_length=20),
        ),
        migrations.AddField(
            model_name='study',
            name='has_public_releases',
            field=models.BooleanField(default=False, help_text='everybody may download the releases'),
        ),
        migrations.AddField(
            model_name='study',
            name='licence',
            field=models.CharField(blank=True, choices=[('', 'none: they stay in the house'), ('CC0-1.0', 'CC0 1.0, no rights reserved'), ('CC-BY-4.0', 'CC BY 4.0, with a credit'), ('CC-BY-SA-4.0', 'CC BY-SA 4.0, with a credit and alike')], default='', help_text='under which drawings are given from now on; the draw page says so', max_length=20),
        ),
        migrations.AddField(
            model_name='study',
            name='release_secret',
            field=models.BinaryField(default=collector.models.study.new_secret, help_text='the key of the pseudonyms in releases'),
        ),
        migrations.CreateModel(
            name='Release',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('major', models.PositiveIntegerField(help_text='raised where something was withdrawn')),
                ('minor', models.PositiveIntegerField(help_text="the round's number")),
                ('patch', models.PositiveIntegerField(help_text='raised where the round is released again')),
                ('sha256', models.CharField(help_text='of SHA256SUMS: the address of all of it', max_length=64)),
                ('attempts', models.BinaryField(help_text='the ids of its attempts, 16 bytes each, in order')),
                ('is_licensed', models.BooleanField(help_text='each drawing in it was given under a licence')),
                ('made_at', models.DateTimeField(auto_now_add=True)),
                ('published_at', models.DateTimeField(help_text='none while it is being stored', null=True)),
                ('withdrawn_at', models.DateTimeField(blank=True, help_text="its files went, with somebody's drawings", null=True)),
                ('previous', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='collector.release')),
                ('round', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='releases', to='trainer.round')),
            ],
        ),
        migrations.CreateModel(
            name='ReleaseFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=40)),
                ('size', models.PositiveBigIntegerField(help_text='bytes')),
                ('sha256', models.CharField(max_length=64)),
                ('release', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='files', to='collector.release')),
            ],
        ),
        migrations.CreateModel(
            name='ReleasePart',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('place', models.PositiveIntegerField(help_text='from 0')),
                ('data', models.BinaryField()),
                ('file', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='parts', to='collector.releasefile')),
            ],
        ),
        migrations.AddConstraint(
            model_name='release',
            constraint=models.UniqueConstraint(condition=models.Q(('published_at__isnull', False)), fields=('major', 'minor', 'patch'), name='one_release_a_version'),
        ),
        migrations.AddConstraint(
            model_name='releasefile',
            constraint=models.UniqueConstraint(fields=('release', 'name'), name='one_file_of_a_name'),
        ),
        migrations.AddConstraint(
            model_name='releasepart',
            constraint=models.UniqueConstraint(fields=('file', 'place'), name='one_part_a_place'),
        ),
    ]
