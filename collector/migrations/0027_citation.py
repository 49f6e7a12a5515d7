"""By which title and authors the study's releases are cited."""

import collector.models.study
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('collector', '0026_more_sums'),
    ]

    operations = [
        migrations.AddField(
            model_name='study',
            name='cited_authors',
            field=models.CharField(blank=True, default='', help_text='of its releases, a line each: “Family name, given names”, or an organisation', max_length=500, validators=[collector.models.study.check_authors]),
        ),
        migrations.AddField(
            model_name='study',
            name='cited_title',
            field=models.CharField(blank=True, default='', help_text='of its releases, where it has one of its own', max_length=200, validators=[collector.models.study.check_line]),
        ),
        migrations.AddConstraint(
            model_name='study',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('cited_title__contains', '\n'), _negated=True), models.Q(('cited_authors__contains', '\n\n'), _negated=True), models.Q(('cited_authors__startswith', '\n'), _negated=True), models.Q(('cited_authors__endswith', '\n'), _negated=True)), name='a_citation_has_no_empty_line'),
        ),
    ]
