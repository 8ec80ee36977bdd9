"""What becomes of a record: a module per family of rules, in the order in which they are applied.

learners              the person: form, exclusion, employee ID, e-mail
progress              a learner on a course: values, percentage, status, completion date, course
as_of                 which records are certain at a past date
earlier_snapshot      the nearest snapshot read before a past date
duplicates            learners that share an employee ID, slugs that share an LMS course
user_keys             the key by which the LMS knows a learner
profile_requirements  what the profile requires of a record
"""
