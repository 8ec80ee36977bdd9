"""What only the command line needs.

profiles         lists the profiles, or shows one
profile_example  a connector file to copy, and the file that it makes of three invented learners
"""
