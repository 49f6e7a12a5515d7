"""Origins, as browsers write them: in small letters, and without the port that is the scheme's
own."""

import re

_PORTS = {"http": 80, "https": 443}
_ORIGIN = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])"
    r"(:(?P<port>[0-9]{1,5}))?"
)
# Of what a host may have, a Content-Security-Policy takes no more.
_IN_A_POLICY = re.compile(r"https?://[a-z0-9.-]+(:[0-9]+)?")


def normal(text: str) -> str | None:
    """Return an origin; None for what is none."""
    found = _ORIGIN.fullmatch(text.lower())
    port = int(found["port"] or _PORTS[found["scheme"]]) if found else 0
    if not found or not 0 < port < 65_536:
        return None
    shown = "" if port == _PORTS[found["scheme"]] else f":{port}"
    return f"{found['scheme']}://{found['host']}{shown}"


def for_policy(text: str, *, with_http: bool) -> str | None:
    """Return an origin that a Content-Security-Policy can name, of https or, `with_http`, of http
    too; None for what is none."""
    origin = normal(text)
    is_taken = origin is not None and (with_http or origin.startswith("https:"))
    return origin if is_taken and origin and _IN_A_POLICY.fullmatch(origin) else None
