"""The connector file as models: every key a user may write, its default and its allowed values."""

from include.codebashing_lms.connector.delivery import (
    Delivery,
    FolderDelivery,
    HttpDelivery,
    Send,
    SftpDelivery,
    Success,
)
from include.codebashing_lms.connector.guards import Guards
from include.codebashing_lms.connector.lms import Course, CourseMap, Lms
from include.codebashing_lms.connector.model import ADMIN, Connector, connector_of
from include.codebashing_lms.connector.notify import Notify
from include.codebashing_lms.connector.report import Report
from include.codebashing_lms.connector.results import FileResults, HttpResults, Job, Results, Wait
from include.codebashing_lms.connector.source import Identity, Source

__all__ = [
    "ADMIN",
    "Connector",
    "Course",
    "CourseMap",
    "Delivery",
    "FileResults",
    "FolderDelivery",
    "Guards",
    "HttpDelivery",
    "HttpResults",
    "Identity",
    "Job",
    "Lms",
    "Notify",
    "Report",
    "Results",
    "Send",
    "SftpDelivery",
    "Source",
    "Success",
    "Wait",
    "connector_of",
]
