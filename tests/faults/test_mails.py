"""A mail server that says nothing holds up no page, and the worker sends what was queued meanwhile,
each email by itself."""

from collections import Counter
from pathlib import Path

import pytest

from tests.support import mail_servers
from tests.support import site as sites
from tests.support.mail_servers import MailServer
from tests.support.site import Site, wait_for
from tests.support.world import Browser

pytestmark = [pytest.mark.faults]

FORGOTTEN = "/accounts/reset/"
NAMES = ("alice", "bob", "carol", "nobody")
PEOPLE = f"""
from collector.models import Person
for name in {NAMES[:3]}:
    for n in range(5):
        Person.objects.create(username=f"{{name}}{{n}}", email=f"{{name}}{{n}}@example.org")
"""
LEFT = "from collector.models import Email; print(Email.objects.count())"


def forget_twenty_passwords(site: Site) -> None:
    browser = Browser(site)
    browser.get(FORGOTTEN)
    for place in range(20):
        asked = {"email": f"{NAMES[place % 4]}{place // 4}@example.org"}
        assert browser.post(FORGOTTEN, asked).status == 302


@pytest.mark.survives(
    "a mail server that accepts and says nothing, and 20 forgotten passwords at once",
    "every page is answered at once; all but the refused are sent once a server answers",
)
def test_twenty_forgotten_passwords_wait_for_no_mail_server_and_all_but_the_refused_are_sent(
    tmp_path: Path,
) -> None:
    port = sites.free_port()
    settings = {
        "DADC_EMAIL_URL": f"smtp://127.0.0.1:{port}?timeout=600",
        "DADC_LIMIT_SCALE": "10",
    }
    with sites.site("sqlite", tmp_path, **settings) as site:
        site.python(PEOPLE)
        with mail_servers.silent(port):
            forget_twenty_passwords(site)
        with MailServer(port=port, says={"RCPT TO:<BOB": "550 nobody here"}) as server:
            site.start("worker", "manage.py", "cluster")
            wait_for(lambda: len(server.mails) == 10, 60, "ten emails")
            wait_for(lambda: site.logs().count("is given up, tries: 1. 550 nobody here") == 5)
        got = Counter(name for text in server.mails for name in NAMES if f"Hello {name}" in text)
        assert got == {"alice": 5, "carol": 5}
        assert site.python(LEFT) == "0"
