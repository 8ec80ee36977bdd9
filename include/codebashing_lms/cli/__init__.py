"""Parts of the command line.

profiles         lists the profiles, or shows one
profile_example  a connector file to copy, and the LMS file of three invented learners
lists            what `check --lists` says
"""
