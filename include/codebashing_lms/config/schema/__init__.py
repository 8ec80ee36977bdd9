"""Types for files that people write.

strict_yaml  YAML in which a key that stands twice is an error
field_types  the base of all sections, and kinds of values
validation   reads a document as a type; names every issue with its place
"""
