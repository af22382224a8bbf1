"""What the code says of a view by marking it, asked of the view that answers this request."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import current_app, request

View = TypeVar("View", bound=Callable[..., Any])


def mark(view: View, name: str) -> View:
    """The view, marked."""
    setattr(view, name, True)
    return view


def has(name: str) -> bool:
    """Whether the view of this request is marked so."""
    return bool(getattr(current_app.view_functions.get(request.endpoint or ""), name, False))
