"""The police API's stand-in: `with PoliceStandin(source) as police: ... police.url`."""

from tests.standins.police.crimes import Record
from tests.standins.police.sources import Archive, Records
from tests.standins.police.standin import Call, PoliceStandin
from tests.standins.police.synthetic import Synthetic

__all__ = ["Archive", "Call", "PoliceStandin", "Record", "Records", "Synthetic"]
