"""Words that are said otherwise than in the commit that goldens are compared with: a pattern, and what it becomes.

Frames, and the hyphens of options with them, are blanks before a pattern is tried.
"""

WORDS: tuple[tuple[str, str], ...] = (
    # Completion and the versions of packages are options of their own.
    (
        r"Print the version and leave help",
        (
            "Print the version, and leave; with v those of packages"
            " install completion <bool> Install completion for the current shell."
            " show completion <bool> Show completion for the current shell, to copy it or customize the installation."
            " help"
        ),
    ),
    # The field's words.
    (r"\bUnits silenced in training\b", "Dropout rate"),
    (r"\bPull of the weights to 0\b", "Weight decay"),
    (r"\bNetworks to begin with\b", "Initial weights"),
    (r"\bMore of the story on stderr\b", "More of the log on stderr"),
    (r"\bagainst what happened, beside the baselines", "against what happened, next to the baselines"),
    (r"# networks to begin with, general, scratch or", "# initial weights: general, scratch or"),
    (r"# share of units silenced in training", "# dropout rate"),
    (r"# pull of the weights to 0", "# weight decay"),
)
