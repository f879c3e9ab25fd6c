"""Stand-ins for the APIs of two status pages, and a page that takes requests of any form. They look at what is written as the real ones
do: key, page, required fields, words of closed lists. Some answers are lost after what was asked is done, some are 429.

usage: pages.py PORT

GET /state shows all; POST /person changes something as a person would: {"page", "do", ...}.
"""

import json
import re
import sys
import threading
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOCK = threading.Lock()
INCIDENT = ["investigating", "identified", "monitoring", "resolved"]
WORK = ["scheduled", "in_progress", "verifying", "completed"]
COMPONENT = ["operational", "degraded_performance", "partial_outage", "major_outage", "under_maintenance"]
UPPER = {word.upper().replace("_", "") for word in COMPONENT}
WORK_UPPER = {"NOTSTARTEDYET", "INPROGRESS", "VERIFYING", "COMPLETED"}


class Refused(Exception):
    def __init__(self, status, error):
        self.status, self.body = status, {"error": error}


def require(condition, status, error):
    if not condition:
        raise Refused(status, error)


def now():
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def length(query):
    """How many of a list are wanted, which both pages want to be told, at most 100."""
    found = re.search(r"(?:^|&)(?:limit|per_page)=(\d+)(?:&|$)", query)
    require(found and 1 <= int(found[1]) <= 100, 400, "ask page by page")
    return int(found[1])


def a_time(text):
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")) is not None
    except (AttributeError, ValueError):
        return False


class Page:
    def __init__(self, word):
        self.incidents, self.works, self.count = [], [], 0
        self.components = {"web1": word, "pay1": word, "other": word}

    def new(self, kind):
        self.count += 1
        return f"{kind}{self.count}"

    def find(self, things, identity):
        found = [thing for thing in things if thing["id"] == identity]
        require(found, 404, "not found")
        return found[0]


class Statuspage(Page):
    KEY, PREFIX = "OAuth statuspage-key", "/v1/pages/kctbh9vrtdwd/"
    INCIDENT_FIELDS = set(
        "name status impact_override scheduled_for scheduled_until scheduled_remind_prior auto_transition_to_maintenance_state"
        " auto_transition_to_operational_state scheduled_auto_in_progress scheduled_auto_completed metadata deliver_notifications"
        " body components component_ids".split()
    )

    def ask(self, method, path, query, body):
        things, _, identity = path.partition("/")
        if identity.endswith("/postmortem"):
            return self.report(self.find(self.incidents, identity.removesuffix("/postmortem")), method, body)
        if method == "GET":
            if identity:
                return self.find(self.incidents, identity)
            if things == "components":
                known = [{"id": name, "name": name, "status": status} for name, status in self.components.items()]
                return known[: length(query)]
            return self.incidents[: length(query)]
        if things == "components" and method == "PATCH":
            require(identity in self.components, 404, "not found")
            status = body["component"]["status"]
            require(status in COMPONENT, 422, ["Status is not included in the list"])
            self.components[identity] = status
            return {"id": identity, "status": status}
        require(things == "incidents" and method in ("POST", "PATCH"), 404, "not found")
        said = body["incident"]
        require(not set(said) - self.INCIDENT_FIELDS, 400, f"{set(said) - self.INCIDENT_FIELDS} is not known")
        metadata = said.get("metadata", {})
        require(all(isinstance(value, dict) for value in metadata.values()), 422, ["Metadata top level values must be objects"])
        require(len(said.get("body", "")) <= 25000, 422, ["Body is too long"])
        for name, status in said.get("components", {}).items():
            require(name in self.components, 422, [f"component {name} is not on this page"])
            require(status in COMPONENT, 422, ["Status is not included in the list"])
        require(set(said.get("component_ids", [])) <= set(self.components), 422, ["a component is not on this page"])
        if method == "POST":
            require(0 < len(said.get("name") or "") <= 255, 422, ["Name can't be blank"])
            incident = {"id": self.new("inc"), "name": said["name"], "metadata": {}, "incident_updates": []}
            if "scheduled_for" in said:
                require(a_time(said["scheduled_for"]) and a_time(said["scheduled_until"]), 422, ["Scheduled for is no time"])
                incident["scheduled_for"] = said["scheduled_for"]
            self.check(said, incident)
            self.incidents.insert(0, incident)
        else:
            incident = self.find(self.incidents, identity)
            self.check(said, incident)
        incident["status"] = said["status"]
        incident["metadata"] = metadata or incident["metadata"]
        self.components.update(said.get("components", {}))
        update = {"id": self.new("upd"), "status": said["status"], "body": said.get("body", ""), "created_at": now()}
        update["deliver_notifications"] = said.get("deliver_notifications", True)
        incident["incident_updates"].insert(0, update)
        return incident

    @staticmethod
    def report(incident, method, body):
        """A draft is begun or replaced by PUT; who works on the page publishes it."""
        if method == "PUT":
            require(set(body) == {"postmortem"} and set(body["postmortem"]) == {"body_draft"}, 400, "only a draft")
            incident["report"] = {"body": None, "body_draft": body["postmortem"]["body_draft"], "published_at": None}
        require(method in ("GET", "PUT") and "report" in incident, 404, "not found")
        return incident["report"]

    @staticmethod
    def check(said, incident):
        words = WORK if "scheduled_for" in incident else INCIDENT
        require(said.get("status") in words, 422, ["Status is not included in the list"])

    def updates(self, incident):
        return incident["incident_updates"], "body", str.lower


class Instatus(Page):
    KEY, PREFIX = "Bearer instatus-key", "/v1/ckf01fvnxywz60a35vw5qhhgg/"

    def ask(self, method, path, query, body):
        parts = path.split("/")
        if method == "GET":
            lists = {
                "incidents": self.incidents,
                "maintenances": self.works,
                "components": [{"id": name, "name": name, "status": status} for name, status in self.components.items()],
            }
            require(parts[0] in lists, 404, "not found")
            return self.find(lists[parts[0]], parts[1]) if len(parts) > 1 else lists[parts[0]][: length(query)]
        if parts[0] == "components" and method == "PUT":
            require(parts[1] in self.components, 404, {"message": "not found"})
            require(body["status"] in UPPER, 422, {"message": "status is not known"})
            self.components[parts[1]] = body["status"]
            return {"id": parts[1], "status": body["status"]}
        require(method == "POST", 404, {"message": "not found"})
        is_work = parts[0] == "maintenances"
        known = WORK_UPPER if is_work else {word.upper() for word in INCIDENT}
        require(body.get("status") in known, 422, {"message": "status is not known"})
        if len(parts) == 1:
            return self.begin(body, is_work)
        thing = self.find(self.works if is_work else self.incidents, parts[1])
        require(is_work or ("components" in body and "statuses" in body), 422, {"message": "components are required"})
        self.set(body)
        thing["status"] = body["status"]
        update = self.update(body)
        thing["updates"].insert(0, update)
        return update

    def begin(self, body, is_work):
        fields = "name components status autoStart autoEnd notifyStart notifyEnd notifyEarly notify start end".split()
        fields = fields if is_work else ["name", "status"]
        require(all(field in body for field in fields), 422, {"message": f"{fields} are required"})
        require(a_time(body["start" if is_work else "started"]), 422, {"message": "this is no time"})
        self.set(body)
        thing = {"id": self.new("inc"), "name": body["name"], "status": body["status"], "updates": [self.update(body)]}
        thing["start" if is_work else "started"] = body["start" if is_work else "started"]
        (self.works if is_work else self.incidents).insert(0, thing)
        return thing

    def set(self, body):
        for entry in body.get("statuses", []):
            require(entry["id"] in self.components and entry["id"] in body["components"], 422, {"message": "no component"})
            require(entry["status"] in UPPER, 422, {"message": "status is not known"})
            self.components[entry["id"]] = entry["status"]

    def update(self, body):
        said = {"id": self.new("upd"), "message": body.get("message", ""), "status": body["status"]}
        return said | {"started": body.get("started") or now(), "notify": body.get("notify", False)}

    def updates(self, incident):
        return incident["updates"], "message", str.upper


class Other(Page):
    """Takes what comes, each key once."""

    KEY, PREFIX = "Bearer other-key", "/other/"

    def __init__(self):
        super().__init__("")
        self.taken, self.keys = [], {}

    def ask(self, method, path, query, body):
        return {"data": {"id": 17}}


PAGES = {"statuspage": Statuspage("operational"), "instatus": Instatus("OPERATIONAL"), "other": Other()}
COUNTS = {"asked": 0, "written": 0}


def person(order):
    page = PAGES[order["page"]]
    if order["do"] == "delete":
        page.incidents.clear()
        return
    incident = page.incidents[0]
    updates, text, case = page.updates(incident)
    if order["do"] == "edit":
        updates[-1][text] = order["text"]
    elif order["do"] == "rename":
        incident["name"] = order["text"]
    elif order["do"] == "say":
        status = case(order["status"])
        updates.insert(0, {"id": page.new("own"), "status": status, text: order["text"], "started": now()})
        incident["status"] = status


class Web(BaseHTTPRequestHandler):
    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        path, _, query = self.path.partition("?")
        if path in ("/state", "/person"):
            with LOCK:
                if path == "/person":
                    person(json.loads(body))
                state = {name: {"incidents": page.incidents, "works": page.works, "components": page.components} for name, page in PAGES.items()}
                state["other"]["taken"] = PAGES["other"].taken
                state["counts"] = COUNTS
            return self.answer(200, state)
        with LOCK:
            COUNTS["asked"] += 1
            if COUNTS["asked"] % 11 == 10:
                return self.answer(429, {"error": "Too many requests"}, ("Retry-After", "1"))
            status, answer = self.ask(path, query, body)
            is_write = self.command != "GET" and status < 300
            COUNTS["written"] += is_write
            is_lost = is_write and COUNTS["written"] % 4 == 1
        if is_lost:
            # It is done, and nobody hears of it.
            self.close_connection = True
            self.connection.close()
            return None
        return self.answer(status, answer)

    def ask(self, path, query, body):
        pages = [page for page in PAGES.values() if path.startswith(page.PREFIX)]
        try:
            require(pages, 404, "not found")
            page = pages[0]
            require(self.headers.get("authorization") == page.KEY, 401, "Could not authenticate")
            said = json.loads(body) if body else None
            if body:
                require(self.headers.get("content-type") == "application/json", 415, "this is no JSON")
            if isinstance(page, Other):
                key = self.headers["idempotency-key"]
                if page.keys.setdefault(key, said) is said:
                    page.taken.append({"method": self.command, "path": self.path, "said": said})
            return 200, page.ask(self.command, path.removeprefix(page.PREFIX), query, said)
        except Refused as refused:
            return refused.status, refused.body

    do_GET = do_POST = do_PATCH = do_PUT = handle_any

    def answer(self, status, body, *headers):
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Web).serve_forever()
