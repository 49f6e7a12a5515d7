"""Drawings that came from elsewhere are marked, and count for nothing."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('collector', '0013_releases'),
        ('trainer', '0005_reasons_in_any_language'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='attempt',
            name='only_verified_originals_earn',
        ),
        migrations.RemoveIndex(
            model_name='attempt',
            name='best_fools',
        ),
        migrations.RemoveIndex(
            model_name='attempt',
            name='best_fools_of_a_confusion',
        ),
        migrations.RemoveIndex(
            model_name='attempt',
            name='attempts_of_a_person',
        ),
        migrations.RemoveIndex(
            model_name='attempt',
            name='of_a_person_in_a_round',
        ),
        migrations.RemoveIndex(
            model_name='attempt',
            name='attempts_of_a_round',
        ),
        migrations.RemoveIndex(
            model_name='attempt',
            name='best_fools_of_a_person',
        ),
        migrations.AddField(
            model_name='attempt',
            name='is_imported',
            field=models.BooleanField(default=False, help_text='came from elsewhere, perhaps without strokes: it trains models, and counts for nothing'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(fields=['drawer', '-submitted_at', 'status', 'has_fooled', 'near_duplicate_of', 'is_mnist_duplicate', 'is_imported'], name='attempts_of_a_person'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(fields=['drawer', 'round', 'status', 'has_fooled', 'near_duplicate_of', 'is_mnist_duplicate', 'is_imported'], name='of_a_person_in_a_round'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(fields=['round', 'status', 'has_fooled', 'near_duplicate_of', 'is_mnist_duplicate', 'is_imported', 'target_label'], name='attempts_of_a_round'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('is_imported', False), ('is_mnist_duplicate', False), ('near_duplicate_of__isnull', True), ('removed_at__isnull', True), ('status', 'verified')), fields=['-sureness', '-settled_at'], name='best_fools'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('is_imported', False), ('is_mnist_duplicate', False), ('near_duplicate_of__isnull', True), ('removed_at__isnull', True), ('status', 'verified')), fields=['drawer', '-sureness', '-settled_at', 'round', 'submitted_at'], name='best_fools_of_a_person'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('is_imported', False), ('is_mnist_duplicate', False), ('near_duplicate_of__isnull', True), ('removed_at__isnull', True), ('status', 'verified')), fields=['target_label', 'predicted_label', '-sureness', '-settled_at', 'round', 'drawer', 'status', 'near_duplicate_of', 'is_mnist_duplicate', 'is_imported', 'removed_at'], name='best_fools_of_a_confusion'),
        ),
        migrations.AddConstraint(
            model_name='attempt',
            constraint=models.CheckConstraint(condition=models.Q(('credit', 0), models.Q(('credit__gt', 0), ('is_imported', False), ('is_mnist_duplicate', False), ('near_duplicate_of__isnull', True), ('status', 'verified')), _connector='OR'), name='only_verified_originals_earn'),
        ),
    ]
