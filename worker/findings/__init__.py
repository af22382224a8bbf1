"""Findings: whatever is not as it should be, with its cause and its remedy, from when it begins until it is over.

A rule looks at one part of the system and yields what is wrong there now. The watch has each rule looked at by one
process at a time, and keeps what was seen. Pages, the command line, the API, metrics and alerts read only that.
"""
