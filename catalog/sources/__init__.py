"""Clients of public services. Each is optional; what fails is told and the rest goes on.

`http` is the one way out (time limits, byte limits, polite rates, Retry-After, disk cache); every
other module turns one service's answers into `Sighting`s.
"""
