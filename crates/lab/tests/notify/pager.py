"""PagerDuty's own client sends an incident to a receiver: what the gate sends must be of the same form.

usage: pager.py URL
"""

import sys

from pagerduty import EventsApiV2Client

client = EventsApiV2Client("k" * 32, base_url="https://pager.invalid")
# It takes https alone, and the receiver on loopback has none.
client._url = sys.argv[1]
key = client.trigger(
    "summary", "source", dedup_key="by-their-client", severity="error", custom_details={"a": "b"},
    links=[{"href": "https://status.example", "text": "page"}],
)
assert key == "by-their-client", key
client.acknowledge(key)
client.resolve(key)
