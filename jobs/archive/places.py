"""The places of a file: few, and named again and again."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from jobs.boundaries.degrees import LATITUDES, LONGITUDES

if TYPE_CHECKING:
    import pyarrow as pa

NO_PLACE: Final = -1
_DEGREES: Final = r"^-?[0-9]{1,3}(\.[0-9]{1,15})?$"
Reason = Callable[[int], str]
Numbers = npt.NDArray[np.int64]
Degrees = npt.NDArray[np.float64]


@dataclass
class Places:
    """The distinct places of a file, and which of them each row names."""

    number: Numbers
    """Of each row: its place, or NO_PLACE."""
    lng: Degrees
    lat: Degrees
    """Degrees of each place; not a number where they cannot be read."""
    texts: "pa.Table"
    """Longitude, latitude and street of each place, as the file has them."""

    @classmethod
    def of(cls, lng: "pa.DictionaryArray", lat: "pa.DictionaryArray", street: "pa.DictionaryArray") -> "Places":
        """By the columns of a file."""
        import pyarrow as pa
        import pyarrow.compute as pc

        columns = {"lng": lng, "lat": lat, "street": street}
        key = np.zeros(len(lng), dtype=np.int64)
        for column in columns.values():
            key = key * (len(column.dictionary) + 1) + column.indices.to_numpy()
        _, first, number = np.unique(key, return_index=True, return_inverse=True)
        rows = pa.array(first)
        texts = pa.table({name: one.dictionary.take(one.indices.take(rows)) for name, one in columns.items()})
        is_none = pc.and_(pc.equal(texts["lng"], ""), pc.equal(texts["lat"], "")).to_numpy()
        number = np.where(is_none[number], NO_PLACE, number) if len(first) else number
        return cls(number, _degrees(texts["lng"]), _degrees(texts["lat"]), texts)

    def keys(self) -> "pa.StringArray":
        """A text for each place by which it can be known again."""
        import pyarrow.compute as pc

        return pc.binary_join_element_wise(
            *(self.texts[name] for name in ("lng", "lat", "street")), ","
        ).combine_chunks()

    def problems(self, longest: int) -> Iterator[tuple[npt.NDArray[np.bool_], Reason]]:
        """Rows whose place cannot be taken, with the reason. longest: of a street's name, in bytes."""
        import pyarrow.compute as pc

        street = self.texts["street"]
        unkept = pc.or_(pc.greater(pc.binary_length(street), longest), pc.match_substring(street, "\0")).to_numpy()
        unread = np.isnan(self.lng) | np.isnan(self.lat)
        swapped = _within(self.lat, LONGITUDES) & _within(self.lng, LATITUDES)
        beyond = (np.abs(self.lat) > 90) | (np.abs(self.lng) > 180)
        for places, words in (
            (unread, "are not degrees"),
            (swapped, "are swapped"),
            (beyond, "are not on the Earth"),
            (unkept, "have a street name that cannot be kept"),
        ):
            if places.any():
                rows = places[self.number] & (self.number != NO_PLACE)
                yield rows, lambda row, words=words: f"{self._said(row)} {words}"  # type: ignore[misc]

    def _said(self, row: int) -> str:
        lng, lat = (self.texts[name][int(self.number[row])].as_py()[:40] for name in ("lng", "lat"))
        return f"Longitude {lng!r} and latitude {lat!r}"


def _degrees(texts: "pa.ChunkedArray") -> Degrees:
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = pc.if_else(pc.match_substring_regex(texts, _DEGREES), texts, None)
    return np.asarray(numbers.cast(pa.float64()).to_numpy(), dtype=np.float64)


def _within(values: Degrees, bounds: tuple[float, float]) -> npt.NDArray[np.bool_]:
    low, high = bounds
    return (low <= values) & (values <= high)
