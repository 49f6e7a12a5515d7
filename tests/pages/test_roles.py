"""Who is what: an admin changes it on the person's page, with a reason, and nowhere else."""

from typing import Any

import pytest
from django.urls import reverse

from collector.errors import Conflict
from collector.models import AdminAction, Person
from collector.people import roles
from tests.support import PASSWORD
from tests.support.pages import Browse, text

ALICE = "/people/alice/"


def press(
    client: Any, role: str, why: str = "We need more.", seen: str = "", at: str = ALICE
) -> Any:
    given = {"do": "role", "role-role": role, "role-why": why}
    return client.post(at, given | ({"seen_role": seen} if seen else {}), follow=True)


@pytest.mark.survives(
    "a change of role pressed twice, or on an old page",
    "done once, told once, written down once; an old page is refused, and says who did what",
)
def test_a_role_is_given_once_with_a_reason_and_told(
    browse: Browse, ada: Person, alice: Person
) -> None:
    admin = browse(ada)
    assert 'name="seen_role" value="crowdworker"' in admin.get(ALICE).content.decode()
    assert "This field is required" in text(press(admin, "moderator", why=""))
    for _ in range(2):
        told = text(press(admin, "moderator", seen="crowdworker"))
        assert "alice is a moderator now." in told
    alice.refresh_from_db()
    assert (alice.role, alice.is_practising) == ("moderator", True)
    log = text(admin.get(reverse("admin_log")))
    assert "ada changed the role of alice . From crowdworker to moderator: We need more." in log
    [notice] = alice.notices.all()
    assert notice.text == (
        "An admin made you a moderator: you read other people’s drawings. Ten practice drawings "
        "come first."
    )
    notices = browse(alice).get(reverse("notices")).content.decode()
    assert f'href="{reverse("my_readings")}"' in notices

    abe = browse(Person.objects.create_user("abe", PASSWORD, role="admin"))
    assert "alice is a moderator already." in text(press(abe, "moderator"))
    old = text(press(abe, "admin", seen="crowdworker"))
    assert "made a moderator meanwhile by ada. From crowdworker to moderator: We need more." in old
    assert "alice is a crowdworker now." in text(press(abe, "crowdworker", seen="moderator"))
    assert AdminAction.objects.filter(kind="role").count() == 2


def test_nobody_changes_their_own_role_and_nobody_else_may(
    browse: Browse, ada: Person, alice: Person, mona: Person
) -> None:
    own = reverse("person", args=["ada"])
    assert "Change the role" not in text(browse(ada).get(own))
    assert press(browse(ada), "crowdworker", at=own).status_code == 403
    for who in (alice, mona):
        assert press(browse(who), "admin").status_code == 403
    Person.objects.filter(pk=alice.pk).update(is_active=False, closed_at=ada.joined_at)
    assert "Change the role" not in text(browse(ada).get(ALICE))
    assert "This account is closed." in text(press(browse(ada), "admin"))
    assert not AdminAction.objects.exists()


@pytest.mark.survives(
    "the only admin gives the role away, or is suspended",
    "refused",
)
def test_two_admins_cannot_unmake_each_other_in_one_moment(ada: Person, alice: Person) -> None:
    """Who comes second still believes to be one."""
    roles.change(alice, ada, "admin", "They help.")
    alice.refresh_from_db()
    roles.change(alice, ada, "moderator", "No more.")
    with pytest.raises(Conflict, match="only admin"):
        roles.change(ada, Person(pk=alice.pk, role="admin"), "crowdworker", "Revenge.")


def test_people_are_found_by_name_or_email_by_what_they_are_and_in_an_order(
    browse: Browse, ada: Person, alice: Person, bob: Person, mona: Person
) -> None:
    Person.objects.filter(pk=bob.pk).update(is_active=False)
    admin = browse(ada)

    def names(query: str) -> list[str]:
        page = admin.get(f"/people/?{query}").content.decode()
        rows = page.split("<tbody>")[-1].split("</tbody>")[0] if "<tbody>" in page else ""
        return [part.split("/")[0] for part in rows.split('href="/people/')[1:]]

    assert names("") == names("sort=nonsense&kind=nonsense")
    assert set(names("")) == {"ada", "mona", "bob", "alice"}
    assert names("sort=name") == ["ada", "alice", "bob", "mona"]
    assert names("sort=oldest") == names("")[::-1]
    assert names("q=ALICE@EXAMPLE") == names("q=lic") == ["alice"]
    assert names("kind=moderator") == ["mona"]
    assert names("kind=suspended") == ["bob"]
    assert names("q=%25") == []
    assert "Nobody like that" in text(admin.get("/people/?q=%25"))


def test_a_list_of_many_people_keeps_what_was_asked_for_from_page_to_page(
    browse: Browse, ada: Person
) -> None:
    Person.objects.bulk_create(Person(username=f"many{n:03}") for n in range(60))
    page = browse(ada).get("/people/?q=many&sort=name").content.decode()
    assert "many049" in page
    assert "many050" not in page
    assert 'href="?q=many&amp;sort=name&amp;page=2"' in page
