"""Words that are said otherwise than in the commit that goldens are compared with: a pattern, and what it becomes."""

WORDS: tuple[tuple[str, str], ...] = ()
