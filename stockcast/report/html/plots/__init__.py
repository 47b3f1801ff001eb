"""Charts, one noun per file: each module makes `Chart`s from results, and knows nothing of the page."""
