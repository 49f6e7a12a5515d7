"""Who is a crowdworker, a moderator or an admin: an admin changes it, with a reason."""

from django.db import transaction

from collector.errors import Conflict, Forbidden, Refused
from collector.models import AdminAction, Person, require_admin, require_reason
from collector.people import accounts, notices
from trainer.learning.sentences import Sentence

Kind, Role = AdminAction.Kind, Person.Role
# What somebody is by a role.
NAMED = {
    Role.CROWDWORKER: Sentence("a crowdworker"),
    Role.MODERATOR: Sentence("a moderator"),
    Role.ADMIN: Sentence("an admin"),
}


def change(
    person: Person, admin: Person, role: str, why: str, seen_role: str | None = None
) -> None:
    """Give a person another role, saying why, and tell them. The same act sent again finds itself.

    `seen_role`: the role that the admin has seen them in (None: not asked); another one that
    somebody gave since is not changed unread. Who becomes a moderator for the first time practises
    first. Raises Forbidden (also for one's own), Refused, Conflict (also for the only admin).
    """
    require_admin(admin, Sentence("Only an admin changes roles."))
    reason = require_reason(why)
    if role not in Role.values:
        raise Refused(Sentence("Choose crowdworker, moderator or admin."), field="role")
    if person.pk == admin.pk:
        raise Forbidden(Sentence("Nobody changes their own role; another admin can."))
    with transaction.atomic():
        accounts.require_another_admin(person)  # two could unmake each other in one moment
        found = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
        last = _last_change(found)
        if found.closed_at:
            raise Conflict(Sentence("This account is closed."))
        if found.role == role:
            if last and (last.admin_id, last.why.partition(": ")[2]) == (admin.pk, reason):
                return
            raise Conflict(
                Sentence("{name} is {role} already.", name=found.username, role=NAMED[Role(role)])
            )
        if seen_role not in (None, found.role):
            raise Conflict(_changed_meanwhile(found, last))
        before, found.role = found.role, role
        found.save(update_fields=["role"])
        AdminAction.objects.create(
            admin=admin,
            kind=Kind.ROLE_CHANGED,
            person=found,
            why=f"From {before} to {role}: {reason}",
        )
        notices.notify_of_role(found)


def _last_change(person: Person) -> AdminAction | None:
    changes = AdminAction.objects.filter(person=person, kind=Kind.ROLE_CHANGED)
    return changes.select_related("admin").order_by("-pk").first()


def _changed_meanwhile(person: Person, by: AdminAction | None) -> Sentence:
    name, role = person.username, NAMED[Role(person.role)]
    if by is None:
        return Sentence("{name} was made {role} meanwhile.", name=name, role=role)
    return Sentence(
        "{name} was made {role} meanwhile by {admin}. {why}",
        name=name,
        role=role,
        admin=by.admin.username,
        why=by.why,
    )
