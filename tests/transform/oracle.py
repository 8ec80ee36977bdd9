"""A second, slow reading of the rules: record by record, sharing no code with the product."""

import math
import re
from collections import Counter
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from tests.transform import date_oracle

ABSENT = object()
NEVER = datetime.min.replace(tzinfo=UTC)
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
PATTERN = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._@-]*$")


class Wrong(Exception):
    """A record is not emitted; the message is its reason."""


def writable(text):
    return not any(0xD800 <= ord(letter) <= 0xDFFF for letter in text)


def employee_id(value):
    if isinstance(value, bool | list | dict):
        raise Wrong("invalid_employee_id")
    if value in (ABSENT, None) or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str):
        return value.strip() or None
    if math.isfinite(value) and abs(value) < 2**53 and int(value) == value:
        return str(int(value))
    raise Wrong("invalid_employee_id")


def email(value):
    if value is ABSENT or value is None:
        return None
    if not isinstance(value, str) or not writable(value):
        raise Wrong("invalid_email")
    if re.search(r"[\x00-\x1f\x7f-\x9f]", value):
        raise Wrong("invalid_email")
    return value.strip() or None


def learner(item, use_email):
    if not isinstance(item, dict):
        raise Wrong("not_an_object")
    try:
        address, bad_address = email(item.get("email", ABSENT)), False
    except Wrong:
        address, bad_address = None, True
    found = employee_id(item.get("employee_id", ABSENT))
    if use_email and address and (found or address).lower() == address.lower():
        return address.lower(), address
    if found is None:
        raise Wrong("missing_employee_id")
    if not writable(found) or not PATTERN.fullmatch(found):
        raise Wrong("invalid_employee_id")
    if address and found.lower() == address.lower():
        raise Wrong("invalid_employee_id")
    if bad_address:
        raise Wrong("invalid_email")
    return found, address


def count(value):
    if value is ABSENT or value is None:
        return None
    if isinstance(value, str) and NUMBER.fullmatch(value):
        exact = Decimal(value)
        value = int(exact) if 0 <= exact < 2**53 and exact == int(exact) else value
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise Wrong("invalid_count")
    return value


def two_decimals(exact):
    return min(exact.quantize(Decimal("0.01"), ROUND_HALF_UP), Decimal("99.99"))


def primary(item):
    completed = count(item.get("primary_course_completed_lessons_count", ABSENT))
    total = count(item.get("primary_course_lessons_count", ABSENT))
    name = item.get("primary_course_name", ABSENT)
    if not total or name is None or (isinstance(name, str) and not name.strip()):
        raise Wrong("no_course")
    completed = completed or 0
    done = completed >= total
    percent = Decimal(100) if done else two_decimals(Decimal(completed) * 100 / Decimal(total))
    return name, percent, completed > 0


def per_course(value):
    if isinstance(value, str):
        if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", value):
            raise Wrong("invalid_percentage")
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Wrong("invalid_percentage")
    if isinstance(value, float) and not math.isfinite(value) or value < 0:
        raise Wrong("invalid_percentage")
    if value >= 100:
        return Decimal(100), True
    return two_decimals(Decimal(repr(value))), value > 0


def course(slug, percent, course_map):
    """Return the LMS course, or raise the reason why the record is not emitted."""
    if slug is ABSENT:
        return ""
    if not isinstance(slug, str) or not writable(slug) or ("\ufffd" in slug and not course_map):
        raise Wrong("unmapped_course" if percent else "withheld:unmapped_course")
    if not course_map:
        return slug
    entry = course_map.get(slug)
    if entry is None:
        raise Wrong("unmapped_course" if percent else "withheld:unmapped_course")
    if entry == "ignore":
        raise Wrong("ignored_course")
    return entry["id"]


def date_of(item, key, zone, warnings, name):
    """Return the date under a key, None for none; count a value that is no date."""
    try:
        return date_oracle.read(item.get(key), zone)
    except date_oracle.NoDate:
        warnings[name] += 1
        return None


def expected(items, courses="primary", course_map=None, use_email=False, best=False, zone=UTC, read_at=NEVER):
    """Return emitted rows (id, course, percent, status, completed), and how often each other disposition and
    each warning about dates occurs."""
    dispositions, warnings, left = Counter(), Counter(), []
    for number, item in enumerate(items):
        for slug, value in records_of(item, courses):
            try:
                who, address = learner(item, use_email)
                if slug is None and courses != "primary":
                    raise Wrong("no_course")
                slug, percent, started = primary(item) if courses == "primary" else (slug, *per_course(value))
                target = course(slug, percent, course_map or {})
            except Wrong as wrong:
                dispositions[str(wrong)] += 1
                continue
            active = date_of(item, "last_active_at", zone, Counter(), "")
            completed = date_of(item, f"{slug}.completed_date", zone, warnings, "invalid_completed_date")
            if completed and percent < 100:
                warnings["completed_date_below_100"] += 1
                completed = None
            if completed and date_oracle.begin(completed, zone) > read_at:
                warnings["completed_date_after_reading"] += 1
                completed = None
            left.append(
                {
                    "id": who,
                    "person": (address or "").lower() or f"?{number}",
                    "item": number,
                    "slug": slug if isinstance(slug, str) else "",
                    "course": target,
                    "percent": percent,
                    "status": "completed" if percent == 100 else "in_progress" if started else "not_started",
                    "active": date_oracle.begin(active, zone) if active else NEVER,
                    "completed": date_oracle.written(completed, zone),
                    "soon": -date_oracle.begin(completed, zone).timestamp() if completed else float("-inf"),
                }
            )
    return resolve_duplicates(left, dispositions, best), dispositions, warnings


def records_of(item, courses):
    if courses == "primary" or not isinstance(item, dict):
        return [(None, None)]
    suffix = ".completed_percentage"
    present = [
        (key.removesuffix(suffix), value)
        for key, value in item.items()
        if key.endswith(suffix) and key != suffix and value is not None
    ]
    if courses != "all":
        present = [(slug, dict(present)[slug]) for slug in courses if slug in dict(present)]
    return present or [(None, None)]


def resolve_duplicates(left, dispositions, best):
    people = {}
    for record in left:
        people.setdefault(record["id"], {}).setdefault(record["person"], []).append(record)
    for claims in people.values():
        if len(claims) < 2:
            continue
        standing = max(claims, key=lambda one: max((r["percent"], r["active"], -r["item"]) for r in claims[one]))
        for person, records in claims.items():
            if not (best and person == standing):
                dispositions["conflicting_employee_id"] += len(records)
                left = [record for record in left if record not in records]
    left = merge(left, "slug", lambda r: (r["percent"], r["active"], -r["item"]), dispositions)
    return merge(left, "course", lambda r: (r["percent"], r["soon"], -r["item"]), dispositions)


def merge(left, key, rank, dispositions):
    standing = {}
    for record in left:
        group = record["id"], record[key]
        if group in standing:
            dispositions["duplicate"] += 1
        if group not in standing or rank(record) > rank(standing[group]):
            standing[group] = record
    return [record for record in left if any(record is one for one in standing.values())]
