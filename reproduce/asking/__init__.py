"""The one loop: a model is opened on a stack and asked, round by round; what it says is counted."""
