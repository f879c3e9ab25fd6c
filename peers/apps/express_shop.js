// A small shop on Express as it comes, with cookie-session: the session is in the cookie itself, also that of a
// visitor who has not signed in, and its value changes with each answer.
//
// Run: node express_shop.js PORT. It knows nothing of the gate, except that it repeats `Portcullis-Tier` as `Seen`
// and writes one JSON line a request for whoever tests it.

const path = require("node:path");
const express = require("express");
const cookieSession = require("cookie-session");

const PEOPLE = new Set(["ann", "bo", "cy"]);
const TOKENS = new Set([1, 2, 3].map((number) => `the-warehouse-token-number-${number}`));

const app = express();
app.disable("x-powered-by");
app.disable("etag");
app.set("trust proxy", "loopback");

app.use((request, response, next) => {
  const tier = request.get("Portcullis-Tier") ?? "";
  response.set("Seen", `tier=${tier}`);
  const { method, path, hostname } = request;
  response.on("close", () => {
    const cookies = request.get("Cookie") !== undefined;
    console.log(JSON.stringify({ method, path, host: hostname, tier, status: response.statusCode, cookies }));
  });
  next();
});

// What a browser loads besides the page; a tag for another host is how shops use a host for their files.
const FILES = path.join(__dirname, "page");
const files = express.static(FILES, {
  cacheControl: false,
  etag: false,
  lastModified: false,
  setHeaders: (response) => response.set({ "Cache-Control": "no-store", "Access-Control-Allow-Origin": "*" }),
});
app.use("/files", files);
app.get("/worker.js", (request, response) => {
  response.set("Cache-Control", "no-store").sendFile(path.join(FILES, "worker.js"));
});

app.use(cookieSession({ name: "session", keys: ["only for tests on loopback"], maxAge: 30 * 24 * 3600 * 1000 }));
app.use((request, response, next) => {
  request.session.answers = (request.session.answers ?? 0) + 1;
  next();
});

app.get(["/", "/tickets"], (request, response) => response.send("tickets for everybody"));

app.get("/login", (request, response) => {
  response.send("<form method=post><input name=username><input name=password><button>Sign in</button></form>");
});

app.post("/login", express.urlencoded({ extended: false }), (request, response) => {
  const { username, password } = request.body;
  if (PEOPLE.has(username) && password === "correct horse") {
    request.session.name = username;
    return response.redirect("/account");
  }
  // A message on the front page: to whoever sees only the head, it looks like success.
  request.session.message = "That password is wrong.";
  response.redirect("/");
});

function signedIn(request, response, next) {
  return request.session.name ? next() : response.redirect("/login");
}

app.get(["/account", "/orders"], signedIn, (request, response) => response.send(`hello ${request.session.name}`));

app.get("/shop", signedIn, (request, response) => {
  response.set("Cache-Control", "no-store").sendFile(path.join(FILES, "shop.html"));
});

app.get("/api/orders", (request, response) => {
  const [scheme, token] = (request.get("Authorization") ?? "").split(" ");
  if (scheme !== "Bearer" || !TOKENS.has(token)) {
    return response.status(401).set("WWW-Authenticate", "Bearer").json({ error: "token" });
  }
  response.json({ orders: [] });
});

// Says one thing at once and stays open, as news of an order would.
app.get("/news", (request, response) => {
  response.set({ "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  response.write("data: sold\n\n");
  const beat = setInterval(() => response.write(": still here\n\n"), 1000);
  response.on("close", () => clearInterval(beat));
});

app.listen(Number(process.argv[2]), "127.0.0.1");
