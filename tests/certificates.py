"""Certificates of a test's own authority, made by the `openssl` command when they are needed."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Authority:
    """A root certificate with its key; what it signs is kept in the same folder."""

    folder: Path

    @classmethod
    def made_in(cls, folder: Path) -> "Authority":
        _openssl(folder, *_REQUEST, "-x509", "-keyout", "root.key", "-out", "root.pem",
                 "-days", "2", "-subj", "/CN=root", "-addext", "keyUsage=keyCertSign")  # fmt: skip
        return cls(folder)

    @property
    def ca_file(self) -> Path:
        return self.folder / "root.pem"

    def server(self, name: str, *, days: int = 1) -> ssl.SSLContext:
        """A server's side of TLS for a host `name`. With `days` below 0 it has expired."""
        request = [*_REQUEST, "-keyout", f"{name}.key", "-out", f"{name}.csr"]
        names = f"subjectAltName=DNS:{name}"
        _openssl(self.folder, *request, "-subj", f"/CN={name}", "-addext", names)
        _openssl(self.folder, "x509", "-req", "-in", f"{name}.csr", "-copy_extensions", "copy",
                 "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial",
                 "-days", str(days), "-out", f"{name}.pem")  # fmt: skip
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        return context


_REQUEST = ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def _openssl(folder: Path, *words: str) -> None:
    done = subprocess.run(["openssl", *words], cwd=folder, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {words[0]} failed: {done.stderr.decode()}")
