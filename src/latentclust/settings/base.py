"""What all sections of the settings share: strict, frozen, no unknown key, and words for each rule."""

from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo


class Section(BaseModel):
    """A group of settings. Values keep their type: true is no number, "3" is no number, 3 is no text."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    def check(self) -> None:
        """Check what must hold of several of its values together.

        Raises
        ------
        LatentclustError
            If they do not go together.
        """


@dataclass(frozen=True)
class Words:
    """What a value must be, in words, where its type alone does not say it well."""

    text: str


# Upper bounds stand where a larger value is a slip of the finger, or would end in an overflow.
MANY = 1_000_000
Count = Annotated[int, Field(ge=1, le=MANY)]
CountOrNone = Annotated[int, Field(ge=0, le=MANY)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Positive = Annotated[float, Field(gt=0, le=MANY)]
NotNegative = Annotated[float, Field(ge=0, le=MANY)]
Share = Annotated[float, Field(ge=0, lt=1)]
Restarts = Annotated[int, Field(ge=1, le=10_000)]
Neighbors = Annotated[int, Field(ge=2, le=10_000)]
Text = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00-\x1f]+$")]
FilePath = Annotated[Text, Words("a path, in quotes where it reads as a number")]


def words_of(field: FieldInfo, *, above: bool = False) -> str:
    """Say what a field's value must be.

    Parameters
    ----------
    field
        As pydantic keeps it.
    above
        Name the upper bound rather than the lower one, for a value that is too large.
    """
    return _words(field.annotation, field.metadata, above)


def _words(annotation: Any, metadata: list[Any], above: bool) -> str:
    said = next((entry.text for entry in metadata if isinstance(entry, Words)), None)
    if said is not None:
        return said
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        flat = [
            part for entry in more for part in (entry.metadata if isinstance(entry, FieldInfo) else [entry])
        ]
        return _words(inner, [*metadata, *flat], above)
    if get_origin(annotation) in (Union, UnionType):
        parts = [part for part in get_args(annotation) if part is not NoneType]
        nullable = len(parts) < len(get_args(annotation))
        return ", or ".join(
            [*(_words(part, metadata, above) for part in parts), *(["null"] if nullable else [])]
        )
    if get_origin(annotation) is Literal:
        choices = [str(choice) for choice in get_args(annotation)]
        return choices[0] if len(choices) == 1 else f"one of {', '.join(choices)}"
    if annotation is bool:
        return "true or false"
    if annotation is str:
        return "text"
    if annotation in (int, float):
        return _number("a whole number" if annotation is int else "a number", annotation, metadata, above)
    return "a group of keys"


def _number(kind: str, annotation: type, metadata: list[Any], above: bool) -> str:
    least = next((m.ge for m in metadata if isinstance(m, Ge)), None)
    over = next((m.gt for m in metadata if isinstance(m, Gt)), None)
    most = next((m.le for m in metadata if isinstance(m, Le)), None)
    under = next((m.lt for m in metadata if isinstance(m, Lt)), None)
    if above:
        return f"{kind}, at most {most:,}" if most is not None else f"{kind} below {under:,}"
    if annotation is int:
        return f"{kind}, at least {least:,}" if least is not None else kind
    if least is not None and under is not None:
        return f"{kind} from {least:g} to below {under:g}"
    if over is not None:
        return f"{kind} above {over:g}"
    return f"{kind} of at least {least:g}" if least is not None else kind
