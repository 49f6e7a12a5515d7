"""Alarms are rows, and emails may tell of one."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('collector', '0006_sessions_have_an_owner'),
    ]

    operations = [
        migrations.AlterField(
            model_name='email',
            name='kind',
            field=models.CharField(choices=[('asked', 'somebody forgot the password of whoever has this address'), ('reset', 'a link to choose a new password'), ('notices', 'what became of drawings'), ('confirm', 'a link to confirm this address'), ('changed', 'another address was given for the account'), ('alarm', 'to an admin: something is wrong with the site'), ('over', 'to an admin: that is over')], max_length=8),
        ),
        migrations.CreateModel(
            name='Alarm',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('unread', 'Drawings wait to be read, and none has settled for twelve hours.'), ('idle', 'Nobody has drawn anything for two days.'), ('training', 'The last training failed.'), ('disk', 'The disk that holds the data folder is nearly full.'), ('workers', 'There is no sign of life from the workers, or from some of them.')], max_length=8)),
                ('began_at', models.DateTimeField()),
                ('seen_at', models.DateTimeField(help_text='when it was last found to go on')),
                ('told_at', models.DateTimeField(blank=True, help_text='when the email that it has begun was queued', null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('kind',), name='one_open_alarm_of_a_kind')],
            },
        ),
        migrations.AddField(
            model_name='email',
            name='alarm',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='collector.alarm'),
        ),
    ]
