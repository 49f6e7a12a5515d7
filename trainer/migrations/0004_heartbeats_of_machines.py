from django.db import migrations, models


class Migration(migrations.Migration):
    """Signs of life are worth minutes: those of before are not kept."""

    dependencies = [
        ("trainer", "0003_mnists_ink"),
    ]

    operations = [
        migrations.DeleteModel(name="Heartbeat"),
        migrations.CreateModel(
            name="Heartbeat",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("program", models.CharField(max_length=20)),
                ("machine", models.CharField(max_length=64)),
                ("beat_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("program", "machine"), name="one_heartbeat_a_program_and_machine"
                    )
                ],
            },
        ),
    ]
