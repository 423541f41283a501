"""A released model on anybody's own images: what is asked, what it answers, and where it is put.

The answers come from the one loop (`reproduce.asking`), which here keeps masks and counts nothing.
Nothing is sent anywhere, and what is written is research software's answer, not for clinical use.
"""

NOTICE = "Research software, not for clinical use."
