"""Which fields the API is asked for."""

from collections.abc import Iterable

from include.codebashing_lms.connector import Connector

# Asked for until a snapshot has shown which courses there are: the API has no list of them.
SHIPPED_COURSES = (
    "java", "dotnet", "php", "nodejs", "ruby", "python", "scala", "cplus", "ios", "android", "go", "frontend",
    "http", "source_codes", "backend_java", "backend_dotnet", "java_advanced_lessons",
    "dotnet_advanced_lessons", "angular", "python_advanced_lessons", "angular_js", "dotnet_api_security",
    "java_api_security", "application_security_for_qa", "application_security_for_decision_makers",
    "java_advanced_lessons2", "dotnet_advanced_lessons2", "python_advanced_lessons2", "react",
)  # fmt: skip


def fields_to_ask(connector: Connector, seen_courses: Iterable[str]) -> list[str] | None:
    """Return the keys the connector reads, given the courses of earlier snapshots; None asks for all."""
    if connector.source.fields == "all" or connector.courses == "all":
        return None
    keys = connector.source.keys
    fields = [connector.source.employee_id_field, keys.email, keys.last_active_at]
    if keys.created_at:
        fields.append(keys.created_at)
    if connector.courses == "primary":
        fields += [keys.primary_course, keys.lessons_completed, keys.lessons_total]
        patterns, courses = [keys.course_completed_date], _primary_courses(connector, seen_courses)
    else:
        patterns, courses = [keys.course_percentage, keys.course_completed_date], list(connector.courses)
    fields += [pattern.replace("{course}", course) for course in courses for pattern in patterns]
    return list(dict.fromkeys(fields))


def _primary_courses(connector: Connector, seen: Iterable[str]) -> list[str]:
    mapped = connector.lms.course_map
    return [*SHIPPED_COURSES, *(mapped if isinstance(mapped, dict) else ()), *sorted(seen)]
