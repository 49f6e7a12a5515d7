"""The catalogues of all languages: what the sources say, and how it is said in each.

    python -m scripts.words            makes them anew; what is new has to be translated then
    python -m scripts.words --check    changes nothing, and says what is missing

Wants GNU gettext. Each catalogue lies beside what it is of: locale/ is of templates and scripts,
collector/locale/, dadc_site/locale/ and trainer/locale/ of the Python there.
"""

import gettext
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import django
from django.core.management import call_command

from scripts import sentences

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = ("de",)
HOMES = ("locale", "collector/locale", "dadc_site/locale", "trainer/locale")
# What nobody sees, or what others say.
PASSED_OVER = ["node_modules", ".venv", "staticfiles", "static/vendor", "tests", "scripts", "docs"]
DOMAINS = {"django": ["html", "py", "txt"], "djangojs": ["js"]}
# When it was made, and by what, which would be another each time.
_OF_THE_DAY = re.compile(r'"(POT-Creation-Date|Report-Msgid-Bugs-To):.*\n')
_MSGFMT = ["msgfmt", "--check-format", "--check-domain", "--statistics"]
_PLACE = re.compile(r"%\(\w+\)s|\{\w+\}|</?\w+>")
NEW = r"""msgid ""
msgstr ""
"Language: {language}\n"
"MIME-Version: 1.0\n"
"Content-Type: text/plain; charset=UTF-8\n"
"Content-Transfer-Encoding: 8bit\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\n"
"""


def catalogues() -> Iterator[Path]:
    for home in HOMES:
        for language in LANGUAGES:
            for domain in DOMAINS if home == HOMES[0] else ("django",):
                yield ROOT / home / language / "LC_MESSAGES" / f"{domain}.po"


def make() -> None:
    """Write into each catalogue what the sources say by now."""
    for path in catalogues():
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(NEW.format(language=path.parent.parent.name))
    for domain, kinds in DOMAINS.items():
        call_command(
            "makemessages",
            domain=domain,
            locale=list(LANGUAGES),
            extensions=kinds,
            ignore_patterns=PASSED_OVER,
            no_wrap=True,
            no_obsolete=True,
            add_location="file",
            verbosity=0,
        )
    for path in catalogues():
        path.write_text(_OF_THE_DAY.sub("", path.read_text()))


def compiled(path: Path) -> Path:
    return path.with_suffix(".mo")


def compile_to(path: Path, target: Path) -> str:
    """Compile a catalogue; return what msgfmt says of it."""
    command = [*_MSGFMT, "-o", str(target), str(path)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    return told.stderr.strip()


def problems() -> Iterator[str]:
    """Yield what is wrong with the catalogues, and leave them as they were."""
    was = {path: path.read_text() if path.exists() else "" for path in catalogues()}
    try:
        make()
        for path, text in was.items():
            name = path.relative_to(ROOT)
            if path.read_text() != text:
                yield f"{name} is not what the sources say: make words"
            with tempfile.TemporaryDirectory() as folder:
                told = compile_to(path, new := Path(folder) / "new.mo")
                if not re.fullmatch(r"\d+ translated messages?\.", told):
                    yield f"{name}: {told}"
                elif _said(new) != _said(compiled(path)):
                    yield f"{compiled(path).relative_to(ROOT)} is older than its source: make words"
                yield from (f"{name}: other places than in “{one}”" for one in _misplaced(new))
    finally:
        for path, text in was.items():
            path.write_text(text)


def _said(path: Path) -> dict[str | tuple[str, int], str]:
    if not path.exists():
        return {}
    with path.open("rb") as file:
        said: dict[str | tuple[str, int], str] = vars(gettext.GNUTranslations(file))["_catalog"]
        return said


def _misplaced(path: Path) -> Iterator[str]:
    """Yield each sentence whose values, or elements, are not those of its translation."""
    for sentence, said in _said(path).items():
        one, form = (sentence, 0) if isinstance(sentence, str) else sentence
        if form == 0 and set(_PLACE.findall(one)) != set(_PLACE.findall(said)):
            yield one


def main() -> None:
    os.chdir(ROOT)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dadc_site.settings")
    django.setup()
    if sys.argv[1:] == ["--check"]:
        found = [*sentences.outside(ROOT / "templates"), *problems()]
        sys.exit("\n".join(found) or None)
    make()
    for path in catalogues():
        print(f"{path.relative_to(ROOT)}: {compile_to(path, compiled(path))}")


if __name__ == "__main__":
    main()
