"""How prompts are made from reference masks: the parts that prompt profiles consist of."""
