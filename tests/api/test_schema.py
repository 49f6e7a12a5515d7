"""The schema says all of the API: of each operation what it takes, what it answers, and what it
refuses."""

from typing import Any

import jsonschema
import pytest
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    made: dict[str, Any] = generator.get_schema(public=True)  # type: ignore[no-untyped-call]
    return made


@pytest.fixture(scope="module")
def operations(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    }


def contents(operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a request holds and an answer may, by name and type."""
    bodies = {"request": operation.get("requestBody", {}), **operation["responses"]}
    return {
        f"{name} {kind}": content
        for name, body in bodies.items()
        for kind, content in body.get("content", {}).items()
    }


def test_it_is_made_without_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True)
    assert capsys.readouterr().out.startswith("openapi: 3.")


def test_each_operation_has_a_summary_that_is_a_short_sentence(
    operations: dict[str, dict[str, Any]],
) -> None:
    assert len(operations) > 15
    for name, operation in operations.items():
        assert 5 < len(operation["summary"]) < 120, name


def test_each_body_has_an_example_of_itself(
    schema: dict[str, Any], operations: dict[str, dict[str, Any]]
) -> None:
    known = {"components": schema["components"]}
    for name, operation in operations.items():
        for where, content in contents(operation).items():
            if where.endswith("octet-stream"):
                continue
            shown = content["examples"].values()
            assert shown, (name, where)
            for example in shown:
                jsonschema.validate(example["value"], nullable(content["schema"] | known))


def nullable(shape: Any) -> Any:
    """A shape as JSON Schema has it: OpenAPI 3.0 has a word of its own for what may be null."""
    if isinstance(shape, list):
        return list(map(nullable, shape))
    if not isinstance(shape, dict):
        return shape
    said = {key: nullable(value) for key, value in shape.items() if key != "nullable"}
    return {"anyOf": [said, {"type": "null"}]} if shape.get("nullable") is True else said


def test_strokes_are_typed_and_bodies_take_nothing_else(schema: dict[str, Any]) -> None:
    shapes = schema["components"]["schemas"]
    strokes = shapes["NewAttempt"]["properties"]["strokes"]
    assert (strokes["minItems"], strokes["maxItems"]) == (1, 64)
    assert strokes["items"] == {"$ref": "#/components/schemas/Stroke"}
    x = shapes["Stroke"]["properties"]["x"]
    assert (x["items"]["minimum"], x["items"]["maximum"]) == (0, 279)
    for name in ("NewAccount", "NewAttempt", "NewReading", "NewToken", "Drawing", "Stroke"):
        assert shapes[name]["additionalProperties"] is False


def test_each_operation_tells_every_refusal_in_a_sentence(
    operations: dict[str, dict[str, Any]],
) -> None:
    for name, operation in operations.items():
        told = operation["responses"]
        needed = {"400", "403", "406", "413", "415", "503"}
        needed |= {"401", "409"} if {"token": []} in operation["security"] else set()
        needed |= {"404"} if "{" in name else set()
        assert needed <= told.keys(), name
        for status, answer in told.items():
            if status >= "400" and status != "416":
                assert answer["description"].endswith("."), (name, status)
                [content] = answer["content"].values()
                assert content["schema"] == {"$ref": "#/components/schemas/Error"}
