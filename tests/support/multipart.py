"""Bodies of uploads, as clients send them."""

from __future__ import annotations

BOUNDARY = "sandbox-boundary"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def multipart(fields: dict[str, str], content: bytes, filename: str = "receipt.png") -> bytes:
    """One file under the name `file`, and fields beside it."""
    parts = [_part(f'name="{name}"', value.encode()) for name, value in fields.items()]
    parts.append(_part(f'name="file"; filename="{filename}"', content))
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def _part(disposition: str, content: bytes) -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n"
    return head.encode() + content + b"\r\n"
