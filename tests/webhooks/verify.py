"""Verifies the webhooks on standard input with the official library, one JSON object a line."""

import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

for line in sys.stdin:
    case = json.loads(line)
    try:
        Webhook(case["secret"]).verify(case["body"], case["headers"])
        print("verified")
    except WebhookVerificationError as error:
        print(f"refused: {error}")
