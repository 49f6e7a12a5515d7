# The whole schema, folded for the last time: from here on migrations go forward only.

import collector.models
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models

from collector import append_only

# As they were called then.
TABLES = ("collector_adminaction", "collector_decision", "collector_studychange")


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('trainer', '0001_house'),
    ]

    operations = [
        migrations.CreateModel(
            name='Person',
            fields=[
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('username', models.CharField(max_length=30, validators=[django.core.validators.RegexValidator('\\A[A-Za-z][A-Za-z0-9._-]{2,29}\\Z', 'A user name has 3 to 30 characters: the letters a–z, digits, dot, hyphen and underscore, beginning with a letter.')])),
                ('email', models.EmailField(blank=True, help_text='for a forgotten password; without one an admin resets it', max_length=254)),
                ('role', models.CharField(choices=[('crowdworker', 'Crowdworker'), ('moderator', 'Moderator'), ('admin', 'Admin')], default='crowdworker', max_length=11)),
                ('is_active', models.BooleanField(default=True)),
                ('is_moderation_paused', models.BooleanField(default=False, editable=False, help_text='their readings agreed too seldom; see ModerationPause')),
                ('qualified_at', models.DateTimeField(blank=True, editable=False, help_text="since when they may read other people's drawings", null=True)),
                ('is_listed', models.BooleanField(default=True, help_text='their name stands on the leaderboard and beside public drawings')),
                ('wants_mail', models.BooleanField(default=False, help_text='notices go to their email address too')),
                ('joined_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('closed_at', models.DateTimeField(blank=True, editable=False, help_text='when the account was closed', null=True)),
                ('contributor', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
            ],
            options={
                'verbose_name_plural': 'people',
                'constraints': [models.UniqueConstraint(django.db.models.functions.text.Lower('username'), name='username_unique', violation_error_message='This user name is taken.')],
            },
        ),
        migrations.CreateModel(
            name='AdminAction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('qualified', 'let moderate'), ('resumed', 'resumed the moderating of'), ('suspended', 'suspended'), ('reinstated', 'reinstated'), ('ablated', 'had a model trained without'), ('role', 'changed the role of')], max_length=10)),
                ('why', models.TextField()),
                ('done_at', models.DateTimeField(auto_now_add=True, db_index=True)),
                ('admin', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='admin_actions', to=settings.AUTH_USER_MODEL)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='Allowance',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rule', models.CharField(max_length=30)),
                ('who', models.CharField(max_length=64)),
                ('slot', models.BigIntegerField(help_text='number of the window since 1970')),
                ('used_count', models.PositiveIntegerField(default=1)),
                ('ends_at', models.DateTimeField(db_index=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('rule', 'who', 'slot'), name='one_allowance_a_window')],
            },
        ),
        migrations.CreateModel(
            name='Attempt',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('submitted_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('client_key', models.CharField(blank=True, max_length=64, null=True)),
                ('body_sha256', models.CharField(max_length=64)),
                ('target_label', models.PositiveSmallIntegerField()),
                ('predicted_label', models.PositiveSmallIntegerField()),
                ('has_fooled', models.GeneratedField(db_persist=True, expression=models.ExpressionWrapper(models.Q(('target_label', models.F('predicted_label')), _negated=True), models.BooleanField()), output_field=models.BooleanField())),
                ('probabilities', models.JSONField()),
                ('sureness', models.GeneratedField(db_persist=True, expression=collector.models.Sureness('probabilities', 'predicted_label'), null=True, output_field=models.FloatField(null=True))),
                ('strokes', models.JSONField()),
                ('width', models.PositiveSmallIntegerField()),
                ('pixels', models.BinaryField(help_text='what the model saw: 28×28 uint8, row by row')),
                ('pixels_sha256', models.CharField(max_length=64)),
                ('raster_version', models.PositiveSmallIntegerField()),
                ('has_live_preview', models.BooleanField(help_text="whether the model's view was shown while drawing")),
                ('status', models.CharField(choices=[('not_fooled', 'Not Fooled'), ('pending', 'Pending'), ('verified', 'Verified'), ('corrected', 'Corrected'), ('rejected', 'Rejected'), ('ambiguous', 'Ambiguous'), ('retracted', 'Retracted')], max_length=10)),
                ('is_audited', models.BooleanField(help_text='did not fool, and was chosen at random to be read all the same')),
                ('quorum', models.PositiveSmallIntegerField()),
                ('needed_reading_count', models.PositiveSmallIntegerField(default=0, help_text='further readings worth asking for at once')),
                ('first_read_at', models.DateTimeField(blank=True, help_text='when its first reading came', null=True)),
                ('settled_at', models.DateTimeField(blank=True, null=True)),
                ('settled_label', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('credit', models.FloatField(default=0.0, help_text='fixed when it settles')),
                ('is_mnist_duplicate', models.BooleanField(default=False, help_text="nearly one of MNIST's own images")),
                ('removed_at', models.DateTimeField(blank=True, help_text='picture and strokes were removed with the person', null=True)),
                ('drawer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='attempts', to=settings.AUTH_USER_MODEL)),
                ('near_duplicate_of', models.ForeignKey(blank=True, db_index=False, help_text='the earlier fool that it nearly repeats', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='collector.attempt')),
                ('round', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='attempts', to='trainer.round')),
            ],
        ),
        migrations.CreateModel(
            name='Decision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('answer', models.CharField(choices=[('0', '0'), ('1', '1'), ('2', '2'), ('3', '3'), ('4', '4'), ('5', '5'), ('6', '6'), ('7', '7'), ('8', '8'), ('9', '9'), ('ambiguous', 'ambiguous'), ('junk', 'junk')], max_length=9)),
                ('why', models.TextField()),
                ('decided_at', models.DateTimeField(auto_now_add=True)),
                ('admin', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL)),
                ('attempt', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to='collector.attempt')),
            ],
        ),
        migrations.CreateModel(
            name='Appeal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.TextField()),
                ('appealed_at', models.DateTimeField(auto_now_add=True)),
                ('attempt', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='appeal', to='collector.attempt')),
                ('decision', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='appeal', to='collector.decision')),
            ],
        ),
        migrations.CreateModel(
            name='Gold',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('answer', models.CharField(choices=[('0', '0'), ('1', '1'), ('2', '2'), ('3', '3'), ('4', '4'), ('5', '5'), ('6', '6'), ('7', '7'), ('8', '8'), ('9', '9'), ('ambiguous', 'ambiguous'), ('junk', 'junk')], max_length=9)),
                ('strokes', models.JSONField()),
                ('width', models.PositiveSmallIntegerField()),
                ('pixels', models.BinaryField()),
                ('is_practice', models.BooleanField(default=False)),
                ('is_retired', models.BooleanField(default=False, help_text='nobody is given it any more, and nobody is judged by it')),
                ('attempt', models.OneToOneField(blank=True, help_text='the attempt that it is a copy of', null=True, on_delete=django.db.models.deletion.PROTECT, to='collector.attempt')),
            ],
            options={
                'verbose_name_plural': 'gold',
            },
        ),
        migrations.CreateModel(
            name='ModerationPause',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('paused_at', models.DateTimeField(auto_now_add=True)),
                ('agreed_count', models.PositiveIntegerField()),
                ('settled_count', models.PositiveIntegerField(help_text='how many readings were judged')),
                ('is_on_gold', models.BooleanField(default=False, help_text='the readings were of hidden gold')),
                ('lifted_at', models.DateTimeField(blank=True, null=True)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='moderation_pauses', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('text', models.TextField()),
                ('seen_at', models.DateTimeField(blank=True, null=True)),
                ('mailed_at', models.DateTimeField(blank=True, null=True)),
                ('attempt', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='collector.attempt')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notices', to=settings.AUTH_USER_MODEL)),
                ('round', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='trainer.round')),
            ],
        ),
        migrations.CreateModel(
            name='Reading',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('leased_at', models.DateTimeField()),
                ('lease_expires_at', models.DateTimeField()),
                ('answer', models.CharField(blank=True, choices=[('0', '0'), ('1', '1'), ('2', '2'), ('3', '3'), ('4', '4'), ('5', '5'), ('6', '6'), ('7', '7'), ('8', '8'), ('9', '9'), ('ambiguous', 'ambiguous'), ('junk', 'junk')], max_length=9, null=True)),
                ('answered_at', models.DateTimeField(blank=True, null=True)),
                ('is_correct', models.BooleanField(blank=True, help_text='whether the drawing settled as, or is known to be, what it says', null=True)),
                ('is_discounted', models.BooleanField(default=False, help_text='its moderator was paused before the drawing settled')),
                ('attempt', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='readings', to='collector.attempt')),
                ('gold', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='readings', to='collector.gold')),
                ('moderator', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='readings', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='Study',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('architecture', models.CharField(max_length=50)),
                ('round_size', models.PositiveIntegerField(validators=[django.core.validators.MinValueValidator(1)])),
                ('quorum', models.PositiveSmallIntegerField(validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(9)])),
                ('audit_share', models.FloatField(validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(1.0)])),
                ('gold_share', models.FloatField(validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(1.0)])),
                ('person_share', models.FloatField(validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(1.0)])),
                ('has_live_preview', models.BooleanField()),
            ],
            options={
                'verbose_name_plural': 'study',
                'constraints': [models.CheckConstraint(condition=models.Q(('pk', 1)), name='one_study'), models.CheckConstraint(condition=models.Q(('quorum__gte', 1), ('round_size__gte', 1)), name='sizes_are_positive'), models.CheckConstraint(condition=models.Q(('audit_share__range', (0, 1)), ('gold_share__range', (0, 1)), ('person_share__range', (0, 1))), name='shares_are_shares')],
            },
        ),
        migrations.CreateModel(
            name='StudyChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('changed_at', models.DateTimeField(auto_now_add=True)),
                ('field', models.CharField(max_length=30)),
                ('before', models.CharField(max_length=50)),
                ('after', models.CharField(max_length=50)),
                ('admin', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='Token',
            fields=[
                ('sha256', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField()),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(fields=['drawer', '-submitted_at', 'status', 'has_fooled'], name='attempts_of_a_person'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(fields=['drawer', 'round', 'status', 'has_fooled'], name='of_a_person_in_a_round'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(fields=['round', 'status', 'has_fooled'], name='attempts_of_a_round'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('credit__gt', 0)), fields=['drawer', 'round', 'submitted_at', 'credit'], name='what_earned'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('credit__gt', 0)), fields=['target_label', 'predicted_label', 'settled_at'], name='firsts'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('status', 'verified')), fields=['-settled_at', 'id'], name='lately_verified'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('first_read_at', None), ('needed_reading_count__gt', 0), ('status', 'pending')), fields=['submitted_at'], name='unread'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('first_read_at__isnull', False), ('needed_reading_count__gt', 0), ('status', 'pending')), fields=['first_read_at'], name='partly_read'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('status', 'pending')), fields=['id'], name='pending'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('status', 'verified')), fields=['drawer', 'round', 'target_label', 'predicted_label'], name='fools_of_a_person'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(fields=['submitted_at'], name='attempts_by_time'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('has_fooled', True)), fields=['target_label', '-submitted_at'], name='fools_of_a_digit'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('is_mnist_duplicate', False), ('near_duplicate_of__isnull', True), ('removed_at__isnull', True), ('status', 'verified')), fields=['-sureness', '-settled_at'], name='best_fools'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('is_mnist_duplicate', False), ('near_duplicate_of__isnull', True), ('removed_at__isnull', True), ('status', 'verified')), fields=['target_label', 'predicted_label', '-sureness', '-settled_at', 'round', 'drawer', 'status', 'near_duplicate_of', 'is_mnist_duplicate', 'removed_at'], name='best_fools_of_a_confusion'),
        ),
        migrations.AddConstraint(
            model_name='attempt',
            constraint=models.UniqueConstraint(fields=('drawer', 'client_key'), name='one_attempt_per_client_key'),
        ),
        migrations.AddConstraint(
            model_name='attempt',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'retracted'), _negated=True), fields=('round', 'pixels_sha256'), name='no_copy_in_a_round'),
        ),
        migrations.AddConstraint(
            model_name='attempt',
            constraint=models.CheckConstraint(condition=models.Q(('predicted_label__lte', 9), ('target_label__lte', 9)), name='attempt_labels_are_digits'),
        ),
        migrations.AddConstraint(
            model_name='attempt',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('settled_at__isnull', True), ('status', 'pending')), models.Q(('status', 'pending'), _negated=True), _connector='OR'), name='pending_is_unsettled'),
        ),
        migrations.AddConstraint(
            model_name='attempt',
            constraint=models.CheckConstraint(condition=models.Q(('credit', 0), models.Q(('credit__gt', 0), ('is_mnist_duplicate', False), ('near_duplicate_of__isnull', True), ('status', 'verified')), _connector='OR'), name='only_verified_originals_earn'),
        ),
        migrations.AddIndex(
            model_name='gold',
            index=models.Index(condition=models.Q(('is_practice', False), ('is_retired', False)), fields=['id'], name='hidden_gold'),
        ),
        migrations.AddConstraint(
            model_name='moderationpause',
            constraint=models.UniqueConstraint(condition=models.Q(('lifted_at', None)), fields=('person',), name='one_pause_at_a_time'),
        ),
        migrations.AddIndex(
            model_name='notice',
            index=models.Index(fields=['person', '-created_at'], name='notices_of_a_person'),
        ),
        migrations.AddIndex(
            model_name='notice',
            index=models.Index(condition=models.Q(('seen_at', None)), fields=['person'], name='unseen_notices'),
        ),
        migrations.AddConstraint(
            model_name='notice',
            constraint=models.UniqueConstraint(condition=models.Q(('attempt__isnull', True)), fields=('person', 'round'), name='one_notice_a_round'),
        ),
        migrations.AddIndex(
            model_name='reading',
            index=models.Index(condition=models.Q(('answer', None)), fields=['moderator', 'lease_expires_at'], name='leases'),
        ),
        migrations.AddIndex(
            model_name='reading',
            index=models.Index(fields=['moderator', '-leased_at'], name='readings_of_a_moderator'),
        ),
        migrations.AddIndex(
            model_name='reading',
            index=models.Index(condition=models.Q(('attempt__isnull', False), ('is_correct__isnull', False)), fields=['moderator', '-answered_at'], name='quality'),
        ),
        migrations.AddIndex(
            model_name='reading',
            index=models.Index(condition=models.Q(('gold__isnull', False), ('is_correct__isnull', False)), fields=['moderator', '-answered_at'], name='quality_on_gold'),
        ),
        migrations.AddConstraint(
            model_name='reading',
            constraint=models.UniqueConstraint(fields=('attempt', 'moderator'), name='one_reading_per_person_and_attempt'),
        ),
        migrations.AddConstraint(
            model_name='reading',
            constraint=models.UniqueConstraint(fields=('gold', 'moderator'), name='one_reading_per_person_and_gold'),
        ),
        migrations.AddConstraint(
            model_name='reading',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('attempt__isnull', False), ('gold__isnull', True)), models.Q(('attempt__isnull', True), ('gold__isnull', False)), _connector='OR'), name='a_reading_is_of_one_drawing'),
        ),
        migrations.AddConstraint(
            model_name='reading',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('answer__isnull', True), ('answered_at__isnull', True)), models.Q(('answer__in', ('0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'ambiguous', 'junk')), ('answered_at__isnull', False)), _connector='OR'), name='an_answer_has_a_time'),
        ),
        migrations.RunPython(
            lambda apps, editor: append_only.refuse(editor.connection, TABLES),
            lambda apps, editor: append_only.allow(editor.connection, TABLES),
        ),
    ]
