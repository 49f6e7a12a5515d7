"""Pictures of every page, narrow and wide, light, dark and in forced colours, empty, with content
and in error: `python -m scripts.screenshots FOLDER`; in another language with `--language de`, from
right to left with `--language qps` at the end.

Starts a site of its own on an empty database, fills it through the API as people would, and lets a
model train. Prints whatever a page wrote to the browser's console, and fails if it wrote anything.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from dadc_site import pseudo
from tests.support import PASSWORD, needs, penmanship
from tests.support import site as sites
from tests.support.browser import (
    FLAGS,
    HELD,
    draw_with_mouse,
    fooling_with_the_usual_pen,
)

WIDTHS = {1280: 800, 390: 844}
SCHEMES = ("light", "dark", "forced")  # the last: a device's own few colours, on black
SETTINGS = {
    "DADC_LIMIT_SCALE": "100",
    "DADC_ROUND_SIZE": "8",
    "DADC_AUDIT_SHARE": "0.1",
    "DADC_MNIST_DIR": "",
}
DRAWERS = ("alice", "bob", "charlie", "Dora.the-very-long-name_30_abc")
MODERATORS = ("mona", "max", "mei")

FULL = (
    ("home", "/", None),
    ("home-signed-in", "/", "alice"),
    ("gallery", "/gallery/", None),
    ("leaderboard", "/leaderboard/?period=all", "alice"),
    ("challenge", "/leaderboard/?period=today", "alice"),
    ("rounds", "/rounds/", None),
    ("round", "/rounds/1/", None),
    ("person", "/people/alice/", None),
    ("people", "/people/", "admin"),
    ("person-for-admin", "/people/bob/", "admin"),
    ("my-drawings", "/drawings/", "alice"),
    ("desk", "/desk/", "admin"),
    ("admin-log", "/admin-log/", "admin"),
    ("analysis", "/analysis/", "admin"),
    ("sign-up", "/accounts/sign-up/", None),
    ("sign-in", "/accounts/sign-in/", None),
    ("account", "/account/", "alice"),
    ("notices", "/notices/", "alice"),
    ("password", "/accounts/password/", "alice"),
    ("reset", "/accounts/reset/", None),
    ("moderate", "/moderate/", "mona"),
    ("my-readings", "/moderate/mine/", "mona"),
    ("guidelines", "/moderate/guidelines/", "mona"),
    ("guidelines-practising", "/moderate/guidelines/", "nils"),
    ("people-nobody", "/people/?q=nobody", "admin"),
    ("practice", "/moderate/", "newt"),
    ("practice-result", "/moderate/?result", "nils"),
    ("practice-bench", "/moderate/?go", "nils"),
    ("moderators", "/moderators/", "admin"),
    ("connections", "/connections/", "admin"),
    ("protocol", "/protocol/", "admin"),
    ("texts", "/texts/", "admin"),
    ("panels", "/panels/", "admin"),
    ("embed", "/embed/", None),
    ("data", "/data/", "admin"),
    ("offline", "/offline/", None),
)

# By lot, one of the drawers may only be measured on: then too few drawings are new for a training
# to start by itself.
TRAIN_NOW = """
from contextlib import suppress
from trainer import candidates
with suppress(candidates.AlreadyTraining):
    candidates.start("mnist_model")
"""

# Somebody who has yet to practise, and somebody who got four of ten wrong.
PRACTISED = """
from collector.moderation import queue, readings
from collector.models import Person
Person.objects.filter(username__in=["newt", "nils"]).update(role="moderator")
nils = Person.objects.get(username="nils")
for place in range(10):
    reading = queue.assign(nils)
    readings.read(nils, reading.pk, "ambiguous" if place < 4 else reading.gold.answer)
"""


# Somebody objects to how a drawing settled; somebody else was suspended.
APPEALED = """
from datetime import timedelta
from django.utils import timezone
from collector.moderation import appeals
from collector.moderation import queue, readings
from collector.people import suspensions
from collector.models import Attempt, Person, Reading
admin = Person.objects.get(username="admin")
dora = Person.objects.get(username__startswith="Dora")
suspensions.suspend(dora, admin, "Ten drawings of nothing, on purpose.")
unread = Attempt.objects.filter(status="pending", first_read_at=None)
attempt = unread.filter(drawer__username="bob").first()
now = timezone.now()
for moderator in Person.objects.filter(username__in=["mona", "max"]):
    lease = Reading.objects.create(
        attempt=attempt, moderator=moderator, leased_at=now,
        lease_expires_at=now + timedelta(minutes=5)
    )
    readings.read(moderator, lease.pk, "junk")
text = "It is a 5 with a very flat top. Please look at the replay."
appeals.appeal(attempt.drawer, attempt.pk, text)
print(attempt.pk, attempt.drawer.username)
"""


# Half of what was drawn and read was so in the weeks before.
AGED = """
from datetime import timedelta
from collector.models import Attempt, Person, Reading
for model, fields in (
    (Reading, ("leased_at", "answered_at")), (Attempt, ("submitted_at",)), (Person, ("joined_at",))
):
    for place, row in enumerate(model.objects.order_by(fields[0])):
        days = place * 7 % 13 if model is not Reading else place * 5 % 40
        for field in fields:
            if place % 2 and getattr(row, field):
                setattr(row, field, getattr(row, field) - timedelta(days=days))
        row.save(update_fields=fields)
"""

FRAMED = """
from collector.models import Study
Study.objects.update(embed_origins="https://lab.example")
"""

# Round 1 is over.
RELEASED = """
from collector.data import releases
releases.make(1)
"""

BEST = "from collector.drawings import public; print(public.best()[0].pk)"


class Album:
    """Takes the pictures of one browser, in every width and scheme."""

    def __init__(
        self, browser: Browser, url: str, folder: Path, only: list[str], language: str
    ) -> None:
        self.browser, self.url, self.folder, self.only = browser, url, folder, only
        self.asked = {"Accept-Language": language}
        self.complaints: list[str] = []
        self.sessions: dict[str, Any] = {}

    def _signed_in(self, who: str) -> Any:
        """The cookies of somebody signed in; once for all pictures."""
        if who not in self.sessions:
            context = self.browser.new_context()
            sign_in(context.new_page(), self.url, who)
            self.sessions[who] = context.storage_state()
            context.close()
        return self.sessions[who]

    @contextmanager
    def visit(self, width: int, scheme: str, who: str | None) -> Iterator[Page]:
        state = self._signed_in(who) if who else None
        context = self.browser.new_context(
            storage_state=state,
            extra_http_headers=self.asked,
            viewport={"width": width, "height": WIDTHS[width]},
            color_scheme="light" if scheme == "light" else "dark",
            forced_colors="active" if scheme == "forced" else "none",
            device_scale_factor=1,
            has_touch=width < 500,
        )
        page = context.new_page()
        page.on("console", lambda message: self._note(page, message.type, message.text))
        page.on("pageerror", lambda error: self._note(page, "error", str(error)))
        yield page
        context.close()

    def _note(self, page: Page, kind: str, text: str) -> None:
        expected = "Failed to load resource" in text or "ERR_INTERNET_DISCONNECTED" in text
        if kind in ("error", "warning") and not expected:
            self.complaints.append(f"{page.url}: {text}")

    def take(
        self,
        name: str,
        path: str,
        who: str | None = None,
        act: Callable[[Page], None] | None = None,
    ) -> None:
        if not any(fnmatch(name, pattern) for pattern in self.only):
            return
        for width in WIDTHS:
            for scheme in SCHEMES:
                with self.visit(width, scheme, who) as page:
                    page.goto(self.url + path)
                    page.wait_for_load_state("networkidle")
                    if act:
                        act(page)
                    page.wait_for_timeout(350)
                    self._check_width(page, name, width)
                    page.screenshot(
                        path=self.folder / f"{name}-{width}-{scheme}.png", full_page=True
                    )
        print(name, flush=True)

    def _check_width(self, page: Page, name: str, width: int) -> None:
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            self.complaints.append(f"{name} is {wide} px wide on a screen of {width}")


def sign_in(page: Page, url: str, who: str) -> None:
    page.goto(url + "/accounts/sign-in/")
    page.fill("#id_username", who)
    page.fill("#id_password", PASSWORD)
    page.click("main form button")
    page.wait_for_url(lambda address: "sign-in" not in address)


class Crowd:
    """People who draw and moderate through the API."""

    def __init__(self, site: sites.Site) -> None:
        self.site = site
        self.meant: dict[str, int] = {}
        self.drawers = [site.person(name) for name in DRAWERS]
        self.moderators = [site.person(name, "moderator") for name in MODERATORS]
        self.kept: list[str] = []
        self.appealed = ("", "")

    def submit(self, number: int, label: int, strokes: penmanship.Strokes, width: int = 22) -> None:
        client = self.drawers[number % 3]
        answer = client.post(
            "/api/attempts/", {"target_label": label, "strokes": strokes, "width": width}
        )
        if answer.status == 201:
            self.meant[str(strokes)] = label
            self.kept.append(answer.body["id"])

    def read(self, moderator: int, most: int, choose: Callable[[int, int], str]) -> int:
        """Up to `most` readings; `choose(n, target)` says what the moderator answers to the nth."""
        client = self.moderators[moderator]
        for n in range(most):
            answer = client.post("/api/assignments/")
            if answer.status != 201:
                return n
            target = self.meant.get(str(answer.body["attempt"]["strokes"]))
            reading = (
                "junk" if target is None else choose(n, target)
            )  # not the crowd's: drawn for an earlier picture
            client.post(f"/api/assignments/{answer.body['id']}/reading/", {"reading": reading})
        return most


def _misread(shift: int, n: int, target: int) -> str:
    return str((target + shift) % 10)


def fill(site: sites.Site) -> Crowd:
    """Two rounds of drawings: a model trained on the first, the second half read, one that nobody
    can settle."""
    crowd = Crowd(site)
    fools = penmanship.fooling(7, 60)
    for n, (label, strokes) in enumerate(penmanship.drawings(3, 24)):
        crowd.submit(n, label, strokes)
    for n, (label, strokes, width) in enumerate(fools[:22]):
        crowd.submit(n * n, label, strokes, width)
    crowd.read(0, 60, lambda n, target: {5: "junk", 9: "ambiguous"}.get(n, str(target)))
    for moderator in (1, 2):
        crowd.read(moderator, 9, lambda n, target: str(target))
    site.python(TRAIN_NOW)
    site.start_clusters()
    sites.wait_for(lambda: site.current_round()["number"] > 1, 240, "round 2")
    for n, (label, strokes, width) in enumerate(fools[22:]):
        crowd.submit(n * n, label, strokes, width)
    for moderator, shift in enumerate((1, 2, 3)):
        crowd.read(moderator, 3, partial(_misread, shift))
    crowd.read(1, 3, lambda n, target: str(target))
    site.python(HELD)
    for name in ("newt", "nils"):
        site.person(name)
    site.python(PRACTISED)
    attempt, drawer = site.python(APPEALED).split()
    crowd.appealed = (attempt, drawer)
    site.python(RELEASED)
    site.python(AGED)
    site.python(FRAMED)
    return crowd


def submit(examples: Iterator[tuple[int, penmanship.Strokes]], page: Page) -> None:
    """Draw and submit the next example, and wait until the verdict's moment is over."""
    label, strokes = next(examples)
    page.click(f'[data-digit="{label}"]')
    draw_with_mouse(page, strokes)
    page.click("#submit")
    page.wait_for_selector("#verdict [data-part=link]:not([hidden])")
    page.wait_for_timeout(1200)


def error_pictures(album: Album) -> None:
    def wrong_sign_up(page: Page) -> None:
        page.fill("#id_username", "<b>1</b>")
        page.fill("#id_password", "password")
        page.click("main form button")

    def wrong_sign_in(page: Page) -> None:
        page.fill("#id_username", "alice")
        page.fill("#id_password", "not this")
        page.click("main form button")

    def wrong_study(page: Page) -> None:
        page.fill("#id_round_size", "0")
        page.click("button[value=study]")

    def offline(page: Page) -> None:
        page.click('[data-digit="4"]')
        draw_with_mouse(page, penmanship.drawings(5, 1)[0][1])
        page.context.set_offline(True)
        page.click("#submit")
        page.locator("#error:not(:empty)").wait_for()

    album.take("error-sign-up", "/accounts/sign-up/", act=wrong_sign_up)
    album.take("error-sign-in", "/accounts/sign-in/", act=wrong_sign_in)
    album.take("error-desk", "/desk/", "admin", wrong_study)
    album.take("error-draw-offline", "/draw/", "alice", offline)
    album.take("error-404", "/nothing/")
    album.take("error-403", "/moderate/", "alice")
    album.take("error-400", "/leaderboard/?period=never")


def empty_pictures(album: Album) -> None:
    for name, path, who in (
        ("home", "/", None),
        ("gallery", "/gallery/", None),
        ("leaderboard", "/leaderboard/", None),
        ("rounds", "/rounds/", None),
        ("round", "/rounds/1/", None),
        ("person", "/people/admin/", None),
        ("my-drawings", "/drawings/", "admin"),
        ("moderate", "/moderate/", "admin"),
        ("desk", "/desk/", "admin"),
        ("connections", "/connections/", "admin"),
        ("moderators", "/moderators/", "admin"),
        ("my-readings", "/moderate/mine/", "admin"),
        ("guidelines", "/moderate/guidelines/", "admin"),
        ("draw", "/draw/", "admin"),
        ("notices", "/notices/", "admin"),
        ("try", "/try/", None),
        ("data", "/data/", "admin"),
    ):
        album.take(f"empty-{name}", path, who)
    # Round 1's model is still the target: later ones are not so easy to fool.
    album.take("draw-fooled", "/draw/", "admin", partial(submit, fooling_with_the_usual_pen()))


def full_pictures(album: Album, crowd: Crowd) -> None:
    usual = penmanship.drawings(12, 10)

    def tried(page: Page) -> None:
        draw_with_mouse(page, next(strokes for label, strokes in usual if label == 4))
        page.locator("#bars [data-top]").wait_for()

    def answered(page: Page) -> None:
        """The second of two: the first goes at once, for a drawing held by an earlier page."""
        for place in range(2):
            page.wait_for_selector("#assignment:not([data-id='']):not([data-fresh])")
            page.keyboard.press("4")
            page.locator("#count", has_text=f"{place + 1} ").wait_for()

    def unfolded(page: Page) -> None:
        for fold in page.locator("details.fold summary").all():
            fold.click()

    for name, path, who in FULL:
        album.take(name, path, who)
    album.take("rounds-unfolded", "/rounds/", act=unfolded)
    album.take("data-unfolded", "/data/", "admin", unfolded)
    album.take("draw-keys", "/draw/", "bob", lambda page: page.keyboard.press("?"))
    album.take("moderate-keys", "/moderate/", "mona", lambda page: page.keyboard.press("?"))
    album.take(
        "leaderboard-term",
        "/leaderboard/?period=all",
        act=lambda page: page.click(".term >> nth=0"),
    )
    album.take("drawing", f"/drawings/{crowd.kept[24]}/", "admin")
    album.take("drawing-appealed", f"/drawings/{crowd.appealed[0]}/", crowd.appealed[1])
    album.take(
        "fool",
        f"/fools/{crowd.site.python(BEST)}/",
    )
    album.take("try", "/try/", act=tried)
    album.take("draw-read", "/draw/", "bob", partial(submit, iter(usual)))
    album.take("moderate-answered", "/moderate/", "max", answered)


CONSENT = """## What this is about

You draw digits, and a program says at once what it reads.

- It takes ten minutes, and you may stop at any time.
- Ask [us](https://lab.example/ask) whatever you like.
"""


def study_pictures(album: Album) -> None:
    """A study is prepared: from here on what people draw is practice."""

    def consent(page: Page) -> None:
        page.fill("#consent ~ form textarea", CONSENT)
        page.click("button[value=consent]")
        page.wait_for_load_state("networkidle")

    def too_young(page: Page) -> None:
        page.fill("#consent ~ form input[type=number]", "3")
        page.click("button[value=consent]")

    def draft(page: Page) -> None:
        page.fill("textarea[name$=question]", "Do learning models make people draw harder digits?")
        page.fill("[name$=stop_samples]", "200")
        page.click("button[value=save]")
        page.wait_for_load_state("networkidle")

    def no_rounds(page: Page) -> None:
        page.fill("[name$=round_size]", "0")
        page.click("button[value=save]")

    album.take("error-texts", "/texts/", "admin", too_young)
    album.take("error-protocol", "/protocol/", "admin", no_rounds)
    album.take("texts-written", "/texts/", "admin", consent)
    album.take("protocol-draft", "/protocol/", "admin", draft)
    album.take("desk-draft", "/desk/", "admin")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "names", nargs="*", default=["*"], help="only pictures of these names, such as 'draw*'"
    )
    parser.add_argument("--language", default="en", help="de, or qps: from right to left")
    options = parser.parse_args()
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    debug = {"DADC_DEBUG": "1"} if options.language == pseudo.LANGUAGE else {}
    with (
        tempfile.TemporaryDirectory() as data,
        sites.site("sqlite", Path(data), **SETTINGS, **debug) as site,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=needs.CHROMIUM, args=FLAGS)
        album = Album(browser, site.url, folder, options.names, options.language)
        empty_pictures(album)
        crowd = fill(site)
        full_pictures(album, crowd)
        error_pictures(album)
        study_pictures(album)
        browser.close()
    print("\n".join(sorted(set(album.complaints))) or "No page complained.")
    return 1 if album.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
