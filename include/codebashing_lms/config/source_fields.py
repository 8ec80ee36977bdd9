"""Which fields a request to the API asks for."""

from collections.abc import Iterable

from include.codebashing_lms.config.connector import Connector

# The API has no list of courses; a request asks for these, until snapshots show which courses there are.
SHIPPED_COURSES = (
    "java", "dotnet", "php", "nodejs", "ruby", "python", "scala", "cplus", "ios", "android", "go", "frontend",
    "http", "source_codes", "backend_java", "backend_dotnet", "java_advanced_lessons",
    "dotnet_advanced_lessons", "angular", "python_advanced_lessons", "angular_js", "dotnet_api_security",
    "java_api_security", "application_security_for_qa", "application_security_for_decision_makers",
    "java_advanced_lessons2", "dotnet_advanced_lessons2", "python_advanced_lessons2", "react",
)  # fmt: skip


def fields_to_ask(connector: Connector, seen_courses: Iterable[str]) -> list[str] | None:
    """Return the keys that the connector reads; None: the request asks for all.

    :param seen_courses: the courses of earlier snapshots.
    """
    if connector.source.fields == "all" or connector.courses == "all":
        return None
    keys, fields = connector.source.keys, _course_independent_fields(connector)
    if connector.courses == "primary":
        mapped = connector.lms.course_map
        patterns = [keys.course_completed_date]
        courses = [*SHIPPED_COURSES, *(mapped if isinstance(mapped, dict) else ()), *sorted(seen_courses)]
    else:
        patterns, courses = [keys.course_percentage, keys.course_completed_date], list(connector.courses)
    fields += [pattern.replace("{course}", course) for course in courses for pattern in patterns]
    return list(dict.fromkeys(fields))


def fields_not_asked(connector: Connector, asked: list[str] | None) -> list[str]:
    """Return the keys that the connector requires and that were not asked for when a snapshot was read.

    The completion date of a single primary course is not required: a course that no earlier snapshot showed
    has no date either.

    :param asked: the keys that were asked for; None: all.
    """
    if asked is None:
        return []
    keys, needed = connector.source.keys, _course_independent_fields(connector)
    patterns = [keys.course_percentage, keys.course_completed_date]
    if connector.courses == "all":
        needed += patterns
    elif connector.courses == "primary":
        before, after = keys.course_completed_date.split("{course}")
        dated = any(field.startswith(before) and field.endswith(after) for field in asked)
        needed += [] if dated else [keys.course_completed_date]
    else:
        needed += [pattern.replace("{course}", one) for one in connector.courses for pattern in patterns]
    return [key for key in needed if key not in asked]


def _course_independent_fields(connector: Connector) -> list[str]:
    keys = connector.source.keys
    fields = [connector.source.employee_id_field, keys.email, keys.last_active_at]
    fields += [keys.created_at] if keys.created_at else []
    if connector.courses == "primary":
        fields += [keys.primary_course, keys.lessons_completed, keys.lessons_total]
    return fields
