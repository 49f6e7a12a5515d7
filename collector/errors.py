"""What is refused, with a sentence that helps: a class for each kind of answer."""


class Refused(Exception):
    """A request that a rule turns down. Doors answer `status` with `code`, `message` and any
    `field` at fault."""

    status = 400
    code = "refused"

    def __init__(self, message: str, *, field: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message, self.field, self.code = message, field, code or self.code


class NotFound(Refused):
    status, code = 404, "not_found"


class Forbidden(Refused):
    status, code = 403, "forbidden"


class Conflict(Refused):
    status, code = 409, "conflict"


class Gone(Refused):
    status, code = 410, "gone"


class Unprocessable(Refused):
    status, code = 422, "unprocessable"


class TooMany(Refused):
    """A limit; `retry_after` in seconds says when to come back."""

    status, code = 429, "too_many"

    def __init__(self, message: str, retry_after: int, *, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class Unavailable(Refused):
    status, code = 503, "unavailable"
