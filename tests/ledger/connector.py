"""A connector file for the tests of the ledger."""

import yaml

from include.codebashing_lms.config.files import read_connector


def connector_of(folder, delivery=None):
    """Return a connector and its file."""
    content = {
        "name": "acme",
        "source": {"conn_id": "codebashing"},
        "delivery": delivery or {"method": "folder", "directory": "/drop"},
    }
    file = folder / "acme.yaml"
    file.write_text(yaml.safe_dump(content))
    return read_connector(file), file
