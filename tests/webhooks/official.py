"""Verifies by the official library what Pulse signed, a webhook a line of JSON, and prints what the library signs.

It ends with an error at the first webhook that a right key doesn't verify, or that a wrong key or another body does. The
library has no asymmetric signatures: the other keys are passed over.
"""

import json
import sys
from datetime import datetime, timezone

from standardwebhooks import Webhook, WebhookVerificationError


def verifies(secret, body, headers):
    try:
        Webhook(secret).verify(body, headers)
        return True
    except WebhookVerificationError:
        return False


for line in sys.stdin:
    sent = json.loads(line)
    body, headers = sent["body"], sent["headers"]
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), tz=timezone.utc)
    signed = []
    for key in (key for key in sent["right"] if key["receiver"].startswith("whsec_")):
        assert verifies(key["receiver"], body, headers), headers
        assert not verifies(key["receiver"], body + " ", headers), headers
        signed.append(Webhook(key["sender"]).sign(headers["webhook-id"], at, body))
    for key in (key for key in sent["wrong"] if key["receiver"].startswith("whsec_")):
        assert not verifies(key["receiver"], body, headers), headers
    print(json.dumps(signed))
