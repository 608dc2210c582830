"""
Well-formed requests with one and the same body, in every shape that clients give them.
"""

from __future__ import annotations

from support.wire import chunked, request

BODY = b"some body"
SHAPES = {
    "with a length": request(body=BODY),
    "a GET with a length": request("GET", body=BODY),
    "in one chunk": request(headers=[("Transfer-Encoding", "chunked")]) + chunked(BODY, 100),
    "in chunks of one byte": request(headers=[("Transfer-Encoding", "chunked")]) + chunked(BODY, 1),
    "chunk sizes in capitals and with zeros": request(headers=[("Transfer-Encoding", "chunked")])
    + b"0009\r\nsome body\r\n0000\r\n\r\n",
    "chunk extensions": request(headers=[("Transfer-Encoding", "Chunked")]) + b'9;a="b";c\r\nsome body\r\n0;d\r\n\r\n',
    "a trailer": request(headers=[("Transfer-Encoding", "chunked")]) + b"9\r\nsome body\r\n0\r\nX-Sum: 1\r\n\r\n",
    "an empty line first": b"\r\n" + request(body=BODY),
    "no space after a colon": b"POST / HTTP/1.1\r\nHost:h\r\nContent-Length:9\r\n\r\nsome body",
    "much space after a colon": b"POST / HTTP/1.1\r\nHost:   h  \r\nContent-Length: \t 9\r\n\r\nsome body",
    "an empty header": request(body=BODY, headers=[("X-Empty", "")]),
    "a header beyond ASCII": request(body=BODY, headers=[("X-Name", "\xe9\xff")]),
    "an absolute target": request(path="http://127.0.0.1/api/predict/contract", body=BODY),
    "HTTP/1.0, kept alive": request(body=BODY, version="HTTP/1.0", headers=[("Connection", "Keep-Alive")]),
    "EAS's Python client": request(
        body=BODY,
        headers=[
            ("Accept-Encoding", "identity"),
            ("User-Agent", "python-urllib3/2.0.7"),
            ("Content-MD5", "9e107d9d372bb6826bd81d3542a419d6"),
            ("Date", "Sun, 22 Nov 2026 15:00:00 GMT"),
            ("Content-Type", "application/octet-stream"),
            ("Authorization", "EAS c2lnbmF0dXJlIG9mIGV2ZXJ5dGhpbmc="),
        ],
    ),
    # The java.net.http client and `curl --http2` offer an upgrade that the server may ignore; the body is a
    # body.
    "java.net.http": request(
        body=BODY,
        headers=[
            ("Connection", "Upgrade, HTTP2-Settings"),
            ("HTTP2-Settings", "AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA"),
            ("Upgrade", "h2c"),
            ("User-Agent", "Java-http-client/17.0.15"),
        ],
    ),
    "curl --http2": request(
        body=BODY,
        headers=[
            ("User-Agent", "curl/7.88.1"),
            ("Accept", "*/*"),
            ("Connection", "Upgrade, HTTP2-Settings"),
            ("Upgrade", "h2c"),
            ("HTTP2-Settings", "AAMAAABkAAQAoAAAAAIAAAAA"),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ],
    ),
    "an upgrade to something else": request(body=BODY, headers=[("Connection", "Upgrade"), ("Upgrade", "websocket")]),
}
