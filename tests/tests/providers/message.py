"""Builds the messages that Amazon SES would of its requests, one a line, and reads each back by Python's strict parser.

SES doesn't say how it encodes a body, so each is built twice: quoted-printable, and as it was handed over. Of each request
it prints what a reader sees, as a line of JSON, and it ends with an error at the first message that is malformed.
"""

import json
import sys
from email import charset, message_from_bytes, policy
from email.header import Header, decode_header, make_header
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

LONGEST_LINE = 998  # RFC 5322, 2.1.1, without the line's end.

UNSUBSCRIBE = ["List-Unsubscribe", "List-Unsubscribe-Post"]


def field(name, value):
    """A header field, folded where its value has white space (RFC 5322, 2.2.3)."""
    lines = [f"{name}:"]
    for word in value.split(" "):
        if len(lines[-1]) + 1 + len(word) <= 78 or lines[-1] == f"{name}:":
            lines[-1] += " " + word
        else:
            lines.append(" " + word)
    return "\r\n".join(lines).encode("ascii") + b"\r\n"


def part(content, kind, encoding):
    coded = charset.Charset("utf-8")
    coded.body_encoding = charset.QP if encoding == "quoted-printable" else None
    text = MIMEText("", kind, policy=policy.SMTP)
    del text["MIME-Version"], text["Content-Type"], text["Content-Transfer-Encoding"]
    text["Content-Type"] = f'text/{kind}; charset="utf-8"'
    if encoding == "quoted-printable":
        text.set_payload(content["Data"].encode(), coded)
    else:
        text["Content-Transfer-Encoding"] = "8bit"
        text.set_payload(content["Data"].encode().decode("ascii", "surrogateescape"))
    return text


def built(request, encoding):
    simple = request["Content"]["Simple"]
    message = MIMEMultipart("alternative", policy=policy.SMTP)
    message.attach(part(simple["Body"]["Text"], "plain", encoding))
    message.attach(part(simple["Body"]["Html"], "html", encoding))
    subject = Header(simple["Subject"]["Data"], "utf-8", header_name="Subject").encode(linesep="\r\n")
    head = field("Date", "Thu, 26 Nov 2026 09:00:00 +0000") + field("Message-ID", "<1@email.amazonses.com>")
    head += field("From", request["FromEmailAddress"]) + field("To", request["Destination"]["ToAddresses"][0])
    head += f"Subject: {subject}\r\n".encode("ascii")
    for header in simple["Headers"]:
        head += field(header["Name"], header["Value"])
    return head + message.as_bytes()


def read(raw):
    for line in raw.split(b"\r\n"):
        assert len(line) <= LONGEST_LINE, f"a line of {len(line)} bytes"
        assert b"\n" not in line and b"\r" not in line, "a line end that isn't CRLF"
    message = message_from_bytes(raw, policy=policy.strict)
    for part in message.walk():
        assert not part.defects, part.defects
        for name, value in part.items():
            assert not value.defects, (name, value.defects)
    (sender,) = message["From"].addresses
    # Before 3.13 the strict parser leaves the space between two encoded words of a phrase (python/cpython#92081).
    phrase = message_from_bytes(raw, policy=policy.compat32)["From"].rpartition("<")[0].strip()
    return {
        "from": [str(make_header(decode_header(phrase))), sender.addr_spec],
        "to": message["To"].addresses[0].addr_spec,
        "subject": str(message["Subject"]),
        "auto_submitted": message["Auto-Submitted"],
        "language": message["Content-Language"],
        "unsubscribe": [str(value) for name in UNSUBSCRIBE for value in message.get_all(name, [])],
        "text": message.get_body(("plain",)).get_content().replace("\r\n", "\n"),
        "html": message.get_body(("html",)).get_content().replace("\r\n", "\n"),
    }


for line in sys.stdin:
    request = json.loads(line)
    encoded, as_it_is = (read(built(request, encoding)) for encoding in ("quoted-printable", "8bit"))
    assert encoded == as_it_is, "two ways to encode a message read differently"
    print(json.dumps(encoded))
