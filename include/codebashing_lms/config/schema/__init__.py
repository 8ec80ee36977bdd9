"""Types for files that people write.

strict_yaml    reads YAML; a key that stands twice is an error
field_types    the base class of all sections, and the types of their values
date_patterns  date formats and names of files, and what is wrong with one
validation     reads a document as a type; finds every issue in it
issue_text     says what is wrong with a value, and what is allowed
"""
