"""States as JSON: dicts, lists, numbers, strings, and bytes as {"base64": "..."}."""

import base64
import hashlib
import json
from typing import Any


def to_json(state: dict[str, Any]) -> str:
    """One line of JSON, the same for equal states."""
    return json.dumps(state, ensure_ascii=True, sort_keys=True, default=_bytes_to_plain)


def fingerprint(state: dict[str, Any]) -> str:
    """Return a hash of a state: equal for tokenizers that do the same, in every process."""
    return hashlib.sha256(to_json(state).encode()).hexdigest()


def from_json(text: str) -> Any:
    """What `to_json` was given. Raises ValueError if the text is not JSON."""
    return json.loads(text, object_hook=_plain_to_bytes)


def _bytes_to_plain(value: object) -> dict[str, str]:
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode("ascii")}
    raise TypeError(f"a state holds only dicts, lists, numbers, strings and bytes, not {type(value).__name__}")


def _plain_to_bytes(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["base64"]) if value.keys() == {"base64"} else value
