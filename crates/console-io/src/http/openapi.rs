//! The description of the API, made from the types that it speaks. `docs/openapi.json` is this text.

use http::Method;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::api::{self, Way};
use crate::ctl::{Command, PageCommand, Reply};

/// OpenAPI 3.1.
pub(crate) fn text() -> String {
    let mut text = serde_json::to_string_pretty(&document()).expect("a document has only texts as keys");
    text.push('\n');
    text
}

fn document() -> Value {
    let settings = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into());
    let mut generator = settings.into_generator();
    let command = generator.subschema_for::<Command>().to_value();
    let reply = generator.subschema_for::<Reply>().to_value();
    let _acts = generator.subschema_for::<PageCommand>();
    let mut schemas = generator.take_definitions(true);
    schemas.insert("Problem".to_owned(), problem_schema());
    let mut document = described(&command, &reply, &schemas);
    for way in &api::WAYS {
        document["paths"][way.path][way.method.as_str().to_ascii_lowercase()] =
            operation(way, &reply, &schemas);
    }
    document
}

/// One way of the API: an act of `ctl` without what the address says.
fn operation(way: &Way, reply: &Value, schemas: &Map<String, Value>) -> Value {
    let mut operation = json!({
        "operationId": way.name,
        "summary": way.summary,
        "responses": answers(content("application/json", reply, "It, for people and for programs."))
    });
    if way.path.contains("{id}") {
        let id = json!({ "name": "id", "in": "path", "required": true, "schema": { "type": "string", "pattern": "^[a-z0-9]{12}$" } });
        operation["parameters"] = json!([id]);
    }
    if way.method == Method::GET {
        return operation;
    }
    let problem = json!({ "$ref": "#/components/schemas/Problem" });
    operation["responses"]["409"] =
        content("application/problem+json", &problem, "It was understood and not done; the text says why.");
    let schema = body(way, schemas);
    let is_needed = schema["required"].as_array().is_some_and(|required| !required.is_empty());
    operation["requestBody"] =
        json!({ "required": is_needed, "content": { "application/json": { "schema": schema } } });
    operation
}

fn body(way: &Way, schemas: &Map<String, Value>) -> Value {
    let acts = schemas.get("PageCommand").and_then(|acts| acts["oneOf"].as_array());
    let is_it = |act: &&Value| act["properties"]["act"]["const"] == way.act;
    let mut schema = acts.and_then(|acts| acts.iter().find(is_it)).cloned().unwrap_or_default();
    for name in ["act", "id"] {
        if let Some(properties) = schema["properties"].as_object_mut() {
            properties.remove(name);
        }
        if let Some(required) = schema["required"].as_array_mut() {
            required.retain(|of| of != name);
        }
    }
    schema
}

fn described(command: &Value, reply: &Value, schemas: &Map<String, Value>) -> Value {
    let text = json!({ "type": "string" });
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Portcullis console",
            "version": "1",
            "description": "Everything here but /healthz needs the bearer token from the file console.token, and a Host header that the console answers to.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" }
        },
        "security": [{ "token": [] }],
        "paths": {
            "/healthz": { "get": {
                "operationId": "health",
                "summary": "Whether the gate serves anybody.",
                "security": [],
                "responses": {
                    "200": content("text/plain", &text, "It does."),
                    "503": content("text/plain", &text, "It does not.")
                }
            } },
            "/metrics": { "get": {
                "operationId": "metrics",
                "summary": "Metrics as OpenMetrics text, or with Accept: text/plain in Prometheus' older text format; addresses of metrics_allow need no token.",
                "responses": answers(content("application/openmetrics-text", &text, "The metrics."))
            } },
            "/api/v1/status": { "get": shown("status", "What the gate does at this moment.", reply) },
            "/api/v1/level": { "get": shown("level", "The level with its reasons: load, findings, what acts, what must happen before it is milder, and pins.", reply) },
            "/api/v1/rules": { "get": shown("rules", "The rules in force, and those that ended lately.", reply) },
            "/api/v1/provider-report": { "get": shown("provider_report", "What the carrier or hosting provider needs on the phone, and whether the link is full.", reply) },
            "/api/v1/subscribers": { "get": shown("subscribers", "How mail to subscribers of the status page is going, and the first fifty of them, with masked addresses.", reply) },
            "/api/v1/alerts": { "post": alerts(reply) },
            "/api/v1/ctl": { "post": {
                "operationId": "ctl",
                "summary": "Carries out one command, like the control socket.",
                "requestBody": { "required": true, "content": { "application/json": { "schema": command } } },
                "responses": commanded(reply)
            } },
            "/api/v1/openapi.json": { "get": {
                "operationId": "openapi",
                "summary": "This description.",
                "responses": answers(content("application/json", &json!({ "type": "object" }), "OpenAPI 3.1."))
            } }
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } }
        }
    })
}

/// What a command shows that changes nothing.
fn shown(id: &str, summary: &str, reply: &Value) -> Value {
    json!({
        "operationId": id,
        "summary": summary,
        "responses": answers(content("application/json", reply, "It, for people and for programs."))
    })
}

fn alerts(reply: &Value) -> Value {
    let posted = json!({ "type": "object" });
    let mut answers = answers(content("application/json", reply, "It is taken, as far as it is news."));
    let problem = json!({ "$ref": "#/components/schemas/Problem" });
    for (status, description) in [
        ("429", "Too many fire at once or were new within an hour; to send it again now is of no use."),
        ("503", "It is not kept now, because the disk is slow or another process takes over; send it again."),
    ] {
        answers[status] = content("application/problem+json", &problem, description);
    }
    json!({
        "operationId": "alerts",
        "summary": "Takes what an Alertmanager posts (webhook, version 4): what [[signal]] believes opens or joins an incident, the rest is a note about the one that goes on.",
        "requestBody": { "required": true, "content": { "application/json": { "schema": posted } } },
        "responses": answers
    })
}

fn commanded(reply: &Value) -> Value {
    let mut answers = answers(content("application/json", reply, "It was done."));
    answers["409"] = content("application/json", reply, "It was understood and not done; the text says why.");
    answers
}

fn answers(success: Value) -> Value {
    let problem = json!({ "$ref": "#/components/schemas/Problem" });
    json!({ "200": success, "default": content("application/problem+json", &problem, "An error.") })
}

fn content(kind: &str, schema: &Value, description: &str) -> Value {
    json!({ "description": description, "content": { kind: { "schema": schema } } })
}

/// RFC 9457.
fn problem_schema() -> Value {
    json!({
        "type": "object",
        "required": ["title", "status", "detail"],
        "properties": {
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string", "description": "What is wrong and what to do." },
            "data": { "type": "object", "description": "`changed` is true where what was seen is not so any more." }
        }
    })
}
