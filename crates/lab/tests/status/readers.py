"""Clients that people use read a status page: what they make of it, as JSON.

Usage: readers.py http://ADDRESS
"""

import json
import sys

import feedparser
from discordstatus import DiscordStatus
from statuscheck.services.bases._statuspageio import BaseStatusPageAPI

base = sys.argv[1]
read = {}

feed = feedparser.parse(base + "/history.atom")
read["feedparser"] = {
    "bozo": bool(feed.bozo),
    "title": feed.feed.title,
    "entries": [entry.title for entry in feed.entries],
    "state": [entry.content[0].value.split("<strong>")[1].split("</strong>")[0] for entry in feed.entries],
}

client = DiscordStatus()
client.base_target = base + "/api/v2"
read["discordstatus"] = {
    "indicator": client.status["status"]["indicator"],
    "components": [component["name"] for component in client.components["components"]],
    "unresolved": [incident["name"] for incident in client.unresolved_incidents["incidents"]],
    "incidents": [incident["name"] for incident in client.all_incidents["incidents"]],
    "upcoming": [work["name"] for work in client.upcoming_maintenances["scheduled_maintenances"]],
    "active": [work["name"] for work in client.active_maintenances["scheduled_maintenances"]],
    "maintenances": [work["name"] for work in client.all_maintenances["scheduled_maintenances"]],
    "summary": sorted(client.summary),
}


class Page(BaseStatusPageAPI):
    name = "shop"
    service = name

    def _get_base_url(self):
        return base + "/api/v2/"


# It refuses every word that Statuspage does not have.
summary = Page().get_summary()
read["statuscheck"] = {
    "status": summary.status.code,
    "incidents": [incident.name for incident in summary.incidents],
    "components": [component.name for component in summary.components],
}

print(json.dumps(read, sort_keys=True))
