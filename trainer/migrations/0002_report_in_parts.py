"""Reports in parts: what grows with the rounds leaves a model's own row, and of the matrices the
newest promoted model's stays."""

import struct

import django.db.models.deletion
from django.db import migrations, models

KINDS = ("fools", "audited")


def take_apart(apps, schema_editor):
    RoundModel = apps.get_model("trainer", "RoundModel")
    reported = RoundModel.objects.filter(left_out_contributor=None, report__isnull=False)
    with_matrix = reported.filter(state="promoted", report__has_key="matrix").order_by("-pk")
    newest = with_matrix.values_list("pk", flat=True).first()
    # One at a time: all together they may not fit into memory.
    for pk in list(reported.values_list("pk", flat=True)):
        model = RoundModel.objects.only("report").get(pk=pk)
        report = model.report
        tests = {name: of for name, of in report["sets"].items() if name.startswith(KINDS)}
        matrix, against = report.pop("matrix", None), report.pop("against_target", None)
        if not tests and against is None:
            continue
        if pk == newest:
            keep_matrix(apps, model, tests, matrix)
        earlier = {"sets": tests} | ({} if against is None else {"against_target": against})
        apps.get_model("trainer", "EarlierReport").objects.create(model=model, report=earlier)
        report["sets"] = {name: of for name, of in report["sets"].items() if name not in tests}
        model.save(update_fields=["report"])


def keep_matrix(apps, candidate, tests, lines):
    rounds = sorted({int(name.rpartition("_")[2]) for name in tests})
    names = [f"{kind}_{number}" for kind in KINDS for number in rounds]

    def packed(counts):
        return struct.pack(f"<{len(names)}I", *(counts.get(name, 0) for name in names))

    models = dict(apps.get_model("trainer", "Round").objects.values_list("number", "model"))
    matrix = apps.get_model("trainer", "Matrix").objects.create(
        candidate=candidate,
        rounds=rounds,
        sizes=packed({name: of.get("n", 0) for name, of in tests.items()}),
    )
    rows = {models[line["round"]] if line["round"] else candidate.pk: line for line in lines}
    MatrixRow = apps.get_model("trainer", "MatrixRow")
    MatrixRow.objects.bulk_create(
        MatrixRow(matrix=matrix, model_id=model, correct=packed(line["correct"]))
        for model, line in rows.items()
    )


class Migration(migrations.Migration):

    dependencies = [
        ('trainer', '0001_house'),
    ]

    operations = [
        migrations.CreateModel(
            name='EarlierReport',
            fields=[
                ('model', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, serialize=False, to='trainer.roundmodel')),
                ('report', models.JSONField()),
            ],
        ),
        migrations.CreateModel(
            name='Matrix',
            fields=[
                ('candidate', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, serialize=False, to='trainer.roundmodel')),
                ('rounds', models.JSONField(help_text='the numbers of the rounds that have sets, in order')),
                ('sizes', models.BinaryField(help_text="uint32, little-endian: how many fools each round's set holds, then how many audited drawings")),
            ],
        ),
        migrations.CreateModel(
            name='MatrixRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('correct', models.BinaryField(help_text="in the order of the matrix's sizes, and like them")),
                ('matrix', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='rows', to='trainer.matrix')),
                ('model', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='trainer.roundmodel')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('matrix', 'model'), name='one_row_a_model')],
            },
        ),
        migrations.RunPython(take_apart),
    ]
