"""JSON that may be damaged: whatever is wrong with it is one error."""

from __future__ import annotations

from typing import Any, TypeVar, overload

import msgspec

Shape = TypeVar("Shape")


@overload
def decoded(content: bytes, shape: type[Shape]) -> Shape: ...
@overload
def decoded(content: bytes) -> Any: ...
def decoded(content: bytes, shape: Any = Any) -> Any:
    """A document as `shape`. Raises `msgspec.DecodeError` for whatever is none.

    msgspec raises other errors for text that is no UTF-8 and for what is nested without an end.
    """
    try:
        return msgspec.json.decode(content, type=shape)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error
