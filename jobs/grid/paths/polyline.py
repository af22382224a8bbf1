"""Encoded polylines: lines as short text, as routing services write them.

https://developers.google.com/maps/documentation/utilities/polylinealgorithm
"""

import numpy as np
import numpy.typing as npt

from jobs.errors import WrongCall


class PolylineError(WrongCall):
    """A text that is no encoded polyline."""


def decode(encoded: str, precision: int = 5) -> npt.NDArray[np.float64]:
    """Positions in degrees, longitude first, shape (n, 2). precision: decimals, 5 or 6. Raises PolylineError."""
    codes = np.frombuffer(encoded.encode("utf-8", "surrogatepass"), dtype=np.uint8).astype(np.int64) - 63
    if not len(codes) or codes.min() < 0 or codes.max() > 63:
        raise PolylineError("must be an encoded polyline: characters from ? to ~")
    ends = np.flatnonzero(codes < 32)
    if len(ends) % 2 or not len(ends) or ends[-1] != len(codes) - 1:
        raise PolylineError("the encoded polyline ends in the middle of a position")
    begins = np.concatenate(([0], ends[:-1] + 1))
    if (ends - begins).max() > 6:
        raise PolylineError("the encoded polyline has a step longer than the globe")
    places = np.arange(len(codes)) - np.repeat(begins, ends - begins + 1)
    steps = np.add.reduceat((codes & 31) << (5 * places), begins)
    signed = np.where(steps & 1, ~(steps >> 1), steps >> 1)
    latitudes, longitudes = signed.reshape(-1, 2).cumsum(axis=0).T
    return np.stack([longitudes, latitudes], axis=-1) / 10.0**precision
