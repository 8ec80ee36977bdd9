"""Where the report for LMS administrators goes after each run."""

from include.codebashing_lms.sections import Section, Text


class Report(Section, frozen=True, kw_only=True):
    """A folder, a directory on an SFTP server, or an address such as s3://bucket/reports; or nowhere."""

    directory: Text | None = None
    conn_id: Text | None = None
    uri: Text | None = None

    @property
    def is_wanted(self) -> bool:
        """Tell whether there is somewhere for it to go."""
        return bool(self.directory or self.uri)

    def __post_init__(self) -> None:
        """Hold that there is one place; raise ValueError."""
        super().__post_init__()
        if self.directory and self.uri:
            raise ValueError("goes to one place: give directory, or uri, not both")
        if self.conn_id and not self.directory:
            raise ValueError("conn_id is for SFTP and needs directory, where the report goes on that server")
