"""A shop's customer and strangers, as Python's own HTTP library makes them.

usage: shopper.py sign-in ADDRESS JAR FROM        signs in through the shop's form and keeps the cookies
       shopper.py customer ADDRESS JAR FROM COUNT asks for the account page with them
       shopper.py strangers ADDRESS COUNT         asks for the first page, each time from another address

Prints one JSON object: how many answers had which status, and what broke a promise.
"""

import collections
import functools
import http.client
import http.cookiejar
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

ANSWER_WITHIN_SECONDS = 4
PAUSE_SECONDS = 0.15
REFUSAL_BYTES_MAX = 10 * 1024


class From(urllib.request.HTTPHandler):
    """Connects from a chosen loopback address."""

    def __init__(self, address):
        super().__init__()
        self.connection = functools.partial(http.client.HTTPConnection, source_address=(address, 0))

    def http_open(self, request):
        return self.do_open(self.connection, request)


def opener(address, jar=None):
    handlers = [urllib.request.ProxyHandler({}), From(address)]
    if jar is not None:
        handlers.append(urllib.request.HTTPCookieProcessor(jar))
    return urllib.request.build_opener(*handlers)


def ask(browser, url, data=None):
    """The status, the headers and the body; status 0 and the error if nothing came."""
    request = urllib.request.Request(url, data=data, headers={"Accept": "text/html"})
    try:
        with browser.open(request, timeout=ANSWER_WITHIN_SECONDS) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.headers, refusal.read()
    except OSError as error:
        return 0, {}, str(error).encode()


def wrong_refusal(headers, body):
    """What a refusal lacks of what the manual says about it, or nothing."""
    wanted = {"Retry-After", "Portcullis-Reference"}
    missing = sorted(name for name in wanted if not headers.get(name))
    if headers.get("Cache-Control") != "no-store":
        missing.append("Cache-Control: no-store")
    if "text/html" not in headers.get("Content-Type", "") or len(body) > REFUSAL_BYTES_MAX:
        missing.append("a small page")
    return missing


def sign_in(url, path, source):
    jar = http.cookiejar.LWPCookieJar(path)
    form = urllib.parse.urlencode({"user": "python@shop.example", "password": "tickets"})
    status, _headers, body = ask(opener(source, jar), url + "/login", form.encode())
    jar.save(ignore_discard=True)
    wrong = [] if b"Signed in as python@shop.example" in body else ["not signed in"]
    return {status: 1}, wrong


def customer(url, path, source, count):
    jar = http.cookiejar.LWPCookieJar(path)
    jar.load(ignore_discard=True)
    browser, seen, wrong = opener(source, jar), collections.Counter(), []
    for _ in range(count):
        status, _headers, body = ask(browser, url + "/account")
        seen[status] += 1
        if b"Signed in as python@shop.example" not in body:
            wrong.append(body[:120].decode(errors="replace"))
        time.sleep(PAUSE_SECONDS)
    return seen, wrong


def strangers(url, count):
    seen, wrong = collections.Counter(), []
    for number in range(count):
        status, headers, body = ask(opener(f"127.98.{number % 250}.7"), url + "/")
        seen[status] += 1
        if status in (429, 503):
            wrong.extend(wrong_refusal(headers, body))
        time.sleep(PAUSE_SECONDS)
    return seen, wrong


def main(act, address, *rest):
    url = "http://" + address
    if act == "sign-in":
        seen, wrong = sign_in(url, *rest)
    elif act == "customer":
        path, source, count = rest
        seen, wrong = customer(url, path, source, int(count))
    else:
        seen, wrong = strangers(url, int(rest[0]))
    print(json.dumps({"seen": seen, "wrong": wrong}))


main(*sys.argv[1:])
