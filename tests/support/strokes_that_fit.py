"""A hook of schemathesis: what JSON Schema cannot say of strokes, their lists are equally long and
time does not run backwards. What is to be refused stays as it is."""

from typing import Any

import schemathesis
from schemathesis.generation import GenerationMode


@schemathesis.hook
def map_case(context: object, case: Any) -> Any:
    is_valid = case.meta is None or case.meta.generation.mode == GenerationMode.POSITIVE
    if is_valid and isinstance(case.body, dict) and "strokes" in case.body:
        now = 0
        for stroke in case.body["strokes"]:
            length = min(map(len, stroke.values()))
            for name, values in stroke.items():
                stroke[name] = values[:length]
            stroke["t"] = sorted(max(now, each) for each in stroke["t"])
            now = stroke["t"][-1]
    return case
