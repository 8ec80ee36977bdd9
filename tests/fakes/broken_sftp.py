"""SFTP servers that each fail at one operation."""

import asyncssh


class Full(asyncssh.SFTPServer):
    """Its disk is full after one packet."""

    def write(self, file_obj, offset, data):
        if offset >= 32768:
            raise asyncssh.SFTPFailure("No space left on device")
        return super().write(file_obj, offset, data)


class ReadOnly(asyncssh.SFTPServer):
    """Refuses to create files."""

    def open(self, path, pflags, attrs):
        if pflags & asyncssh.FXF_WRITE:
            raise asyncssh.SFTPPermissionDenied("no")
        return super().open(path, pflags, attrs)


class NoRename(asyncssh.SFTPServer):
    """Refuses to rename."""

    def rename(self, oldpath, newpath):
        raise asyncssh.SFTPPermissionDenied("no")

    posix_rename = rename


class NoRemove(asyncssh.SFTPServer):
    """Removes nothing, so that the part of an aborted attempt stays and can only be overwritten."""

    def remove(self, path):
        raise asyncssh.SFTPPermissionDenied("no")


class WriteOnly(asyncssh.SFTPServer):
    """A directory for uploads only: no file can be read there."""

    def open(self, path, pflags, attrs):
        if pflags & asyncssh.FXF_READ:
            raise asyncssh.SFTPPermissionDenied("no")
        return super().open(path, pflags, attrs)


class LosesAnswer(WriteOnly):
    """Renames, and closes the connection before its answer."""

    def posix_rename(self, oldpath, newpath):
        super().posix_rename(oldpath, newpath)
        self.connection.abort()
