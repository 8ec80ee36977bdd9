"""Stand-ins for Codebashing and the LMS on loopback, and the demo that uses them."""
