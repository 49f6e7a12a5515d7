"""Texts of a study and who agreed to them, a questionnaire, and the panels that send people."""

import collector.models.study
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from collector import append_only

TABLES = ("collector_consent", "collector_studytext")


class Migration(migrations.Migration):

    dependencies = [
        ('collector', '0021_protocol'),
    ]

    operations = [
        migrations.AddField(
            model_name='study',
            name='questions',
            field=models.CharField(blank=True, default='', help_text='that people are asked about themselves, with spaces between them', max_length=60, validators=[collector.models.study.check_questions]),
        ),
        migrations.CreateModel(
            name='Panel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(help_text='in the link that people are sent by', max_length=30, unique=True, validators=[django.core.validators.RegexValidator('\\A[A-Za-z0-9_-]{4,30}\\Z')])),
                ('name', models.CharField(max_length=60)),
                ('id_parameter', models.CharField(default='pid', help_text="what the link calls the panel's id of somebody", max_length=40, validators=[django.core.validators.RegexValidator('\\A[A-Za-z][A-Za-z0-9_.-]{0,39}\\Z')])),
                ('drawing_count', models.PositiveIntegerField(help_text='after so many drawings somebody has done what they came for', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(10000)])),
                ('completion_code', models.CharField(blank=True, default='', max_length=100)),
                ('redirect_url', models.CharField(blank=True, default='', max_length=1000)),
                ('made_at', models.DateTimeField(auto_now_add=True)),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('admin', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='PanelMember',
            fields=[
                ('person', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='membership', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('pid', models.CharField(help_text="the panel's id of them", max_length=200)),
                ('joined_at', models.DateTimeField(auto_now_add=True)),
                ('finished_at', models.DateTimeField(help_text='when they had drawn as many', null=True)),
                ('panel', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='members', to='collector.panel')),
            ],
        ),
        migrations.CreateModel(
            name='StudyText',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('consent', 'Consent'), ('privacy', 'Privacy'), ('terms', 'Terms'), ('contact', 'Contact')], max_length=7)),
                ('version', models.PositiveIntegerField(help_text='of its kind, from 1')),
                ('text', models.TextField(blank=True, help_text='Markdown', max_length=20000)),
                ('minimum_age', models.PositiveSmallIntegerField(default=18, help_text='that people confirm with their consent; of a consent text alone', validators=[django.core.validators.MinValueValidator(5), django.core.validators.MaxValueValidator(99)])),
                ('saved_at', models.DateTimeField(auto_now_add=True)),
                ('admin', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='Consent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('given_at', models.DateTimeField(auto_now_add=True)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='consents', to=settings.AUTH_USER_MODEL)),
                ('text', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='collector.studytext')),
            ],
        ),
        migrations.CreateModel(
            name='Answer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('question', models.CharField(choices=[('age', 'How old are you?'), ('hand', 'With which hand do you write?'), ('device', 'On what do you draw here?'), ('script', 'Which script did you learn to write first?'), ('pen', 'With what do you draw here?')], max_length=6)),
                ('answer', models.CharField(max_length=10)),
                ('answered_at', models.DateTimeField(auto_now=True)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='answers', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('person', 'question'), name='one_answer_a_question')],
            },
        ),
        migrations.AddConstraint(
            model_name='panel',
            constraint=models.CheckConstraint(condition=models.Q(('drawing_count__gte', 1)), name='panels_ask_for_some'),
        ),
        migrations.AddConstraint(
            model_name='panelmember',
            constraint=models.UniqueConstraint(fields=('panel', 'pid'), name='one_person_a_panels_id'),
        ),
        migrations.AddConstraint(
            model_name='studytext',
            constraint=models.UniqueConstraint(fields=('kind', 'version'), name='one_text_a_version'),
        ),
        migrations.AddConstraint(
            model_name='studytext',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['consent', 'privacy', 'terms', 'contact'])), name='text_of_a_kind'),
        ),
        migrations.AddConstraint(
            model_name='consent',
            constraint=models.UniqueConstraint(fields=('person', 'text'), name='one_consent_to_a_version'),
        ),
        migrations.RunPython(
            lambda apps, editor: append_only.refuse(editor.connection, TABLES),
            lambda apps, editor: append_only.allow(editor.connection, TABLES),
        ),
    ]
