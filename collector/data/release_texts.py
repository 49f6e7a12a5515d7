"""What a release says of itself: the card, the licence, how to cite it, and Croissant."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone, translation

from collector.data import release_columns
from collector.data.release_columns import ATTEMPTS, READINGS, SAMPLES, Column
from collector.models import Licence

README, LICENSE, CITATION, CROISSANT = "README.md", "LICENSE", "CITATION.cff", "croissant.json"
_SAYS = {
    ATTEMPTS: "one drawing, and what the model said of it at once",
    READINGS: "one moderator's blind answer",
    SAMPLES: "one drawing as the trainer keeps it, by people's train and test split",
}
_LEGAL_CODE = {
    Licence.CC0: "https://creativecommons.org/publicdomain/zero/1.0/legalcode",
    Licence.CC_BY: "https://creativecommons.org/licenses/by/4.0/legalcode",
    Licence.CC_BY_SA: "https://creativecommons.org/licenses/by-sa/4.0/legalcode",
}
_NO_LICENCE = (
    "Not all of these drawings were given under a licence: they are for the study's own people, "
    "and are not to be handed on."
)
_SIZES = ((1000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (10**6, "100K<n<1M"))
_TYPES = {
    ".parquet": "application/x-parquet",
    ".json": "application/json",
    ".csv": "text/csv",
    ".zip": "application/zip",
    ".npz": "application/zip",
    ".gz": "application/gzip",
}
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}

_RESPONSIBLE = {
    "rai:dataCollectionMissingData": "Drawings of people who removed theirs; those of "
    "suspended people that wait to be read; the drawing of what was taken back before "
    "anybody read it.",
    "rai:dataAnnotationPlatform": ["the site itself"],
    "rai:dataAnnotationAnalysis": [
        "Hidden gold, whose answer is known, measures each reader; readers who agree too "
        "seldom are paused, and their readings of what had not settled do not count."
    ],
    "rai:annotatorDemographics": ["Not asked."],
    "rai:dataPreprocessingProtocol": [
        "Strokes are drawn as a picture of 28 × 28 grey values, ten units of the canvas to a "
        "pixel, and neither centred nor scaled; strokes and picture are both given."
    ],
    "rai:dataBiases": [
        "Chosen by an adversary: what people drew depends on the model that they were to fool. "
        "A random share of what did not fool was read too, and is marked.",
        "People chose to come and how much to draw; nobody's age, hand or script was asked.",
    ],
    "rai:dataLimitations": [
        "Not a sample of handwriting, and no basis for reading forms or cheques.",
        "Drawings of one person are alike: intervals should resample people.",
    ],
    "rai:dataUseCases": [
        "Training, testing and comparing digit models under attack; studies of dynamic "
        "adversarial data collection, of label noise and of readers' agreement."
    ],
    "rai:dataSocialImpact": "Little is at stake in a digit; the way of collecting is what is "
    "studied.",
    "rai:personalSensitiveInformation": [
        "Pen strokes with their times may tell a person's hand. Nobody's address is here; "
        "people are pseudonyms that differ between releases; a user name stands beside a "
        "drawing where the site shows it so."
    ],
    "rai:dataReleaseMaintenancePlan": "Each round may bring a new minor version. Where "
    "somebody withdraws, a new major version says which drawings went, and the site gives the "
    "earlier ones away no more.",
}


def write(manifest: Mapping[str, Any], folder: Path, sums: Mapping[str, str]) -> None:
    """Write card, licence, citation and Croissant for the files in `folder`, whose SHA-256 are
    `sums`, by what the manifest says."""
    sizes = {name: (folder / name).stat().st_size for name in sums}
    for name, text in made(manifest, sums, sizes).items():
        (folder / name).write_text(text, encoding="utf-8")


def made(
    manifest: Mapping[str, Any], sums: Mapping[str, str], sizes: Mapping[str, int]
) -> dict[str, str]:
    """Return the texts by their names, for files of these SHA-256 and sizes: in English and UTC,
    whoever makes them and where."""
    with translation.override("en"), timezone.override(UTC):
        context = _context(manifest)
        texts = {
            name: render_to_string(f"release/{name}", context).strip() + "\n"
            for name in (README, LICENSE, CITATION)
        }
    croissant = _croissant(manifest, context, sums, sizes)
    return texts | {CROISSANT: json.dumps(croissant, indent=1, ensure_ascii=False) + "\n"}


def model_card(folder: Path) -> str:
    """Return the card of a release's model, as the Hub has it for a repository of its own."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    with translation.override("en"), timezone.override(UTC):
        context = _context(manifest) | {"dataset": settings.HUB_DATASET}
        return render_to_string("release/MODEL.md", context).strip() + "\n"


def title(manifest: Mapping[str, Any]) -> str:
    """Return what a release is called."""
    own = manifest.get("citation", {}).get("title")
    return f"{own or settings.SITE_NAME}, up to round {manifest['round']}"


def authors(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return whose a release is: each person's family name and given names, or a group's name and
    nothing."""
    named = manifest.get("citation", {}).get("authors") or [f"The people of {settings.SITE_NAME}"]
    parts = (each.partition(",") for each in named)
    return [(name.strip(), given.strip()) for name, _, given in parts]


def _context(manifest: Mapping[str, Any]) -> dict[str, Any]:
    licences = manifest["licences"]
    spdx = licences[0] if len(licences) == 1 else None
    named = [f"{Licence(each).label}: {_LEGAL_CODE[Licence(each)]}" for each in licences if each]
    count = manifest["counts"][ATTEMPTS]
    return {
        "manifest": manifest,
        "site_name": settings.SITE_NAME,
        "title": title(manifest),
        "quoted_title": _quoted(title(manifest)),
        "authors": [(_quoted(name), given and _quoted(given)) for name, given in authors(manifest)],
        "as_of": datetime.fromisoformat(manifest["as_of"]),
        "spdx": spdx,
        "hub_licence": spdx.lower() if spdx else "other",
        "licence_text": _NO_LICENCE
        if None in licences or not named
        else "The drawings are given under " + "; ".join(named),
        "size": next((size for most, size in _SIZES if count < most), "n>1M"),
        "tables": [
            {
                "name": name.removesuffix(".parquet"),
                "file": name,
                "count": f"{manifest['counts'][name]:,}",
                "says": _SAYS[name],
                "columns": columns,
            }
            for name, columns in release_columns.TABLES.items()
        ],
    }


def _quoted(text: str) -> str:
    """A line of text as YAML has it in quotes."""
    return json.dumps(text, ensure_ascii=False)


def _croissant(
    manifest: Mapping[str, Any],
    context: Mapping[str, Any],
    sums: Mapping[str, str],
    sizes: Mapping[str, int],
) -> dict[str, Any]:
    spdx = context["spdx"]
    date = manifest["as_of"]
    people = authors(manifest)
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": context["title"],
        "description": "Digits that people drew to fool a model, the model's answers, moderators' "
        "blind readings, and what the next model was trained on.",
        "conformsTo": [
            "http://mlcommons.org/croissant/1.1",
            "http://mlcommons.org/croissant/RAI/1.0",
        ],
        "version": manifest["version"],
        "datePublished": date,
        "license": _LEGAL_CODE[Licence(spdx)] if spdx else _NO_LICENCE,
        "url": LICENSE,
        "creator": _creators(people),
        "citeAs": f"{'; '.join(', '.join(filter(None, each)) for each in people)}. "
        f"{context['title']}, {manifest['version']}. "
        f"{context['as_of']:%Y}."
        + (f" https://doi.org/{doi}" if (doi := manifest["cited_doi"]) else ""),
        **_responsible(manifest),
        **_provenance(manifest),
        "distribution": [_file(name, sums[name], sizes[name]) for name in sorted(sums)],
        "recordSet": [
            _record_set(name, columns) for name, columns in release_columns.TABLES.items()
        ],
    }


def _creators(people: list[tuple[str, str]]) -> dict[str, str] | list[dict[str, str]]:
    told = [
        {"@type": "sc:Person", "name": f"{given} {name}", "familyName": name, "givenName": given}
        if given
        else {"@type": "sc:Organization", "name": name}
        for name, given in people
    ]
    return told if len(told) > 1 else told[0]


def _file(name: str, sha256: str, size: int) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{size} B",
        "encodingFormat": _TYPES.get(Path(name).suffix, "application/octet-stream"),
        "sha256": sha256,
    }


def _record_set(table: str, columns: tuple[Column, ...]) -> dict[str, Any]:
    name = table.removesuffix(".parquet")
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": f"Each record is {_SAYS[table]}.",
        "key": {"@id": f"{name}/id"},
        "field": [_field(table, name, column) for column in columns],
    }


def _field(table: str, record_set: str, column: Column) -> dict[str, Any]:
    named = {
        "@type": "cr:Field",
        "@id": f"{record_set}/{column.name}",
        "name": column.name,
        "description": column.says,
    }
    source: dict[str, Any] = {"fileObject": {"@id": table}, "extract": {"column": column.name}}
    typed = {"dataType": release_columns.croissant_type(column)}
    if column.kind == "strokes":
        return named | {"repeated": True, "subField": [_part(named, source, p) for p in "xyt"]}
    if column.kind == "image":
        source["transform"] = {"jsonPath": "bytes"}
    array = {"isArray": True, "arrayShape": "10"} if column.kind == "floats" else {}
    return named | typed | array | {"source": source}


def _part(strokes: Mapping[str, Any], source: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The x, y or t of every stroke."""
    return {
        "@type": "cr:Field",
        "@id": f"{strokes['@id']}/{name}",
        "name": name,
        "dataType": "sc:Integer",
        "source": {**source, "transform": {"jsonPath": name}},
    }


def _responsible(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The responsible-AI fields."""
    first, last = manifest["rounds"][0], manifest["rounds"][-1]
    study = manifest["study"]
    return {
        **_RESPONSIBLE,
        **_collected(manifest),
        "rai:dataCollectionTimeframe": [first["opened_at"], last["closed_at"]],
        "rai:dataAnnotationProtocol": "Moderators read a drawing blind: they see neither what it "
        "was meant as nor what the model said. The first readings that all agree with the drawer "
        f"settle it (quorum {study['quorum']} now; each row has its own), or else twice as many "
        "that agree, or an admin.",
        "rai:machineAnnotationTools": [f"{manifest['model']['architecture']}, by this code"],
    }


def _collected(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Say how the drawings came: by people here, and, where there are any such, from elsewhere."""
    said = {
        "rai:dataCollection": "People with an account drew a digit, having said which one it is, "
        "in a browser. The model of the open round said at once what it read. All drawings are "
        "kept, whether they fooled it or not; drawings were not chosen afterwards.",
        "rai:dataCollectionType": ["Crowdsourcing", "Experiments"],
    }
    count = manifest["imported_count"]
    if not count:
        return said
    return {
        "rai:dataCollection": f"{said['rai:dataCollection']} Not made so are those called "
        f"`imported`, {count:,}: an admin brought them in from elsewhere with their labels, and "
        "nothing is known here of how they were drawn; the model was asked as they came in.",
        "rai:dataCollectionType": [*said["rai:dataCollectionType"], "Secondary Data analysis"],
    }


def _provenance(manifest: Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {
        "prov:wasGeneratedBy": f"manage.py release --round {manifest['round']}, version "
        f"{manifest['made_with']['dadc']}"
    }
    if manifest["previous_version"]:
        said["prov:wasDerivedFrom"] = f"version {manifest['previous_version']}"
    return said
