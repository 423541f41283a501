"""Places in code: which file, and which lines of it, a card, trap or claim rests on.

    naming.py    places as records write them, and the repository and commit each belongs to
    verified.py  what stands at those commits, as it was looked up: `catalog/data/places.json`
    looking.py   looking it up, in a local clone or by the API of GitHub (`doctor --places`)

A commit never changes, so what was looked up once holds for good; `check` compares without a
network.
"""
