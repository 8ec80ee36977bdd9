"""What an Airflow connection says about another system; secrets are in no `repr`."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class HttpConnection:
    """An HTTP connection.

    :param verify: whether to check certificates, or the path of a CA bundle.
    :param cert: path of a client certificate with its key.
    :param trust_env: whether the environment's proxies and CA bundle count, too.
    """

    base_url: str
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    verify: bool | str = True
    cert: str | None = None
    proxies: dict[str, str] | None = field(default=None, repr=False)
    trust_env: bool = True


@dataclass(frozen=True)
class SftpConnection:
    """An SFTP connection. It uses a private key before a password, and holds the PGP keys of its files."""

    host: str
    port: int = 22
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)
    private_key_passphrase: str | None = field(default=None, repr=False)
    key_file: str | None = None
    host_key: str | None = None
    known_hosts: str | None = None
    no_host_key_check: bool = False
    pgp_public_key: str | None = None
    pgp_private_key: str | None = field(default=None, repr=False)
    pgp_private_key_passphrase: str | None = field(default=None, repr=False)


# What a delivery goes through; None for a folder, which needs no connection.
LmsConnection = HttpConnection | SftpConnection | None
