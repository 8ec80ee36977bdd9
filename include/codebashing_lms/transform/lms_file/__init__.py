"""The file that an LMS imports; load writes with the same code again.

courses          a number for each course, and what the course map makes of it
cells            the rows of the file, column by column, as texts
quoting          how a text stands in the file, and which texts cannot
xapi_statements  the rows of an xAPI file: one statement each
writer           cells become lines, lines become parts
parts            one file with its name, plain or packed, no longer than the LMS takes
file_part        a written file, as the manifest describes it
"""
