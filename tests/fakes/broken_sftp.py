"""SFTP servers that fail at one thing."""

import asyncssh


class Full(asyncssh.SFTPServer):
    """Has room for one packet."""

    def write(self, file_obj, offset, data):
        if offset >= 32768:
            raise asyncssh.SFTPFailure("No space left on device")
        return super().write(file_obj, offset, data)


class ReadOnly(asyncssh.SFTPServer):
    """Creates nothing."""

    def open(self, path, pflags, attrs):
        if pflags & asyncssh.FXF_WRITE:
            raise asyncssh.SFTPPermissionDenied("no")
        return super().open(path, pflags, attrs)


class NoRename(asyncssh.SFTPServer):
    """Renames nothing."""

    def rename(self, oldpath, newpath):
        raise asyncssh.SFTPPermissionDenied("no")

    posix_rename = rename


class NoRemove(asyncssh.SFTPServer):
    """Removes nothing, so that what a cut try left lies there and can only be written over."""

    def remove(self, path):
        raise asyncssh.SFTPPermissionDenied("no")


class WriteOnly(asyncssh.SFTPServer):
    """A letter box: files go in, and nobody reads them there."""

    def open(self, path, pflags, attrs):
        if pflags & asyncssh.FXF_READ:
            raise asyncssh.SFTPPermissionDenied("no")
        return super().open(path, pflags, attrs)


class LosesAnswer(WriteOnly):
    """Renames, and is gone before it can say so."""

    def posix_rename(self, oldpath, newpath):
        super().posix_rename(oldpath, newpath)
        self.connection.abort()
