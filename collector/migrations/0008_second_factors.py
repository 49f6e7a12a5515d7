"""Second factors beside the password, and whether moderators and admins have to have one."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('collector', '0007_alarms'),
    ]

    operations = [
        migrations.AddField(
            model_name='person',
            name='factor_change_count',
            field=models.PositiveIntegerField(default=0, editable=False, help_text='how often their second factors changed: what was signed in before is no more'),
        ),
        migrations.AddField(
            model_name='study',
            name='requires_second_factor',
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name='adminaction',
            name='kind',
            field=models.CharField(choices=[('qualified', 'let moderate'), ('resumed', 'resumed the moderating of'), ('suspended', 'suspended'), ('reinstated', 'reinstated'), ('ablated', 'had a model trained without'), ('role', 'changed the role of'), ('made', 'made the account of'), ('account', 'changed the account of'), ('factors', 'took away the second factors of')], max_length=10),
        ),
        migrations.AlterField(
            model_name='email',
            name='kind',
            field=models.CharField(choices=[('asked', 'somebody forgot the password of whoever has this address'), ('reset', 'a link to choose a new password'), ('notices', 'what became of drawings'), ('confirm', 'a link to confirm this address'), ('changed', 'another address was given for the account'), ('alarm', 'to an admin: something is wrong with the site'), ('over', 'to an admin: that is over'), ('factors', 'the second factors of the account were changed')], max_length=8),
        ),
        migrations.CreateModel(
            name='Factor',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('app', 'authenticator app'), ('passkey', 'passkey')], max_length=7)),
                ('name', models.CharField(max_length=40)),
                ('content', models.BinaryField(help_text="an app's secret, encrypted; a passkey's public key")),
                ('credential_sha256', models.CharField(help_text="of a passkey's id: it is one person's", max_length=64, null=True, unique=True)),
                ('counter', models.BigIntegerField(default=0, help_text="the step of an app's last code, or how often a passkey says it has signed: only what is higher is taken")),
                ('added_at', models.DateTimeField(auto_now_add=True)),
                ('used_at', models.DateTimeField(null=True)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='factors', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='RecoveryCode',
            fields=[
                ('sha256', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='recovery_codes', to=settings.AUTH_USER_MODEL)),
            ],
        ),
    ]
