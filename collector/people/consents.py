"""Who agreed to the consent text, and what people say about themselves."""

from collections.abc import Mapping

from django.db import IntegrityError, transaction
from django.urls import reverse

from collector.errors import Conflict, Refused
from collector.models import CHOICES, Answer, Consent, Person, Question, Study, StudyText
from trainer.learning.sentences import Sentence


def in_force() -> StudyText | None:
    """Return the consent text that people are asked to agree to; None where nobody is."""
    return StudyText.in_force(StudyText.Kind.CONSENT)


def give(person: Person, version: str) -> None:
    """Write down that a person agrees to the text in force, of which they read this version, and is
    of its age; once, however often they say so. Where there is none, they have read none: "".
    Raises Refused where it is gone, Conflict where it has changed since."""
    text = in_force()
    if text is None:
        if version:
            raise Refused(
                Sentence("This study asks for no consent, or no more."), field="consent_version"
            )
        return
    if version != str(text.version):
        raise Conflict(_changed(text), field="consent_version", code="consent")
    try:
        with transaction.atomic():
            Consent.objects.create(person=person, text=text)
    except IntegrityError:  # pressed twice
        if not Consent.objects.filter(person=person, text=text).exists():
            raise
    person.lacks_consent = False


def _changed(text: StudyText) -> Sentence:
    return Sentence(
        "The consent text is version {version} by now. Read it again, here or at {address}, and "
        "agree to that version if you do.",
        version=text.version,
        address=reverse("consent"),
    )


def given(person: Person) -> Consent | None:
    """Return the newest consent of a person."""
    found = Consent.objects.filter(person=person).select_related("text")
    return found.order_by("-given_at", "-pk").first()


def answers(person: Person) -> dict[str, str]:
    """Return what a person said about themselves, by question."""
    return dict(person.answers.values_list("question", "answer"))


def answer(person: Person, said: Mapping[str, str]) -> None:
    """Keep what a person says about themselves, of what the study asks; an empty answer takes back
    what they said. Raises Refused."""
    asked = Study.current().asked
    for question, chosen in said.items():
        if question not in asked or not _is_choice(question, chosen):
            raise Refused(Sentence("That is none of the answers."), field=question)
    with transaction.atomic():
        for question, chosen in said.items():
            if chosen:
                Answer.objects.update_or_create(
                    person=person, question=question, defaults={"answer": chosen}
                )
            else:
                Answer.objects.filter(person=person, question=question).delete()


def _is_choice(question: str, chosen: str) -> bool:
    return not chosen or chosen in CHOICES[Question(question)]
