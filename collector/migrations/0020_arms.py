"""The arms of a study, and who is in which by lot, which the database itself keeps as it fell."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import collector.models.study
from collector import append_only

TABLES = ("collector_allocation",)


class Migration(migrations.Migration):

    dependencies = [
        ('collector', '0019_publications'),
    ]

    operations = [
        migrations.AddField(
            model_name='study',
            name='arms',
            field=models.CharField(default='dynamic', help_text='with their weights in the lot, as in dynamic:2,static:1,none:1', max_length=40, validators=[collector.models.study.check_arms]),
        ),
        migrations.CreateModel(
            name='Allocation',
            fields=[
                ('person', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('arm', models.CharField(choices=[('dynamic', 'Dynamic'), ('static', 'Static'), ('none', 'None')], max_length=7)),
                ('block', models.PositiveIntegerField(help_text='of the lot, in which each arm has its weight')),
                ('place', models.PositiveSmallIntegerField(help_text='in the block, from 0')),
                ('weights', models.CharField(help_text="the study's arms when it was drawn", max_length=40)),
                ('allocated_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('block', 'place'), name='one_allocation_a_place'), models.CheckConstraint(condition=models.Q(('arm__in', ['dynamic', 'static', 'none'])), name='allocated_to_an_arm')],
            },
        ),
        migrations.RunPython(
            lambda apps, editor: append_only.refuse(editor.connection, TABLES),
            lambda apps, editor: append_only.allow(editor.connection, TABLES),
        ),
    ]
