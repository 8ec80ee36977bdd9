"""Pure Python; `include.codebashing_lms` is the connector."""
