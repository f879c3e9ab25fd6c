//! The description of the API, made from the types that it speaks. `docs/openapi.json` is this text.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::ctl::{Command, Reply};

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
    let mut schemas = generator.take_definitions(true);
    schemas.insert("Problem".to_owned(), problem_schema());
    let text = json!({ "type": "string" });
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Portcullis console",
            "version": "1",
            "description": "Everything but /healthz needs the bearer token from the file console.token, and a Host header that the console answers to.",
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
                "summary": "Metrics as OpenMetrics text; addresses of metrics_allow need no token.",
                "responses": answers(content("application/openmetrics-text", &text, "The metrics."))
            } },
            "/api/v1/status": { "get": {
                "operationId": "status",
                "summary": "What the gate does at this moment.",
                "responses": answers(content("application/json", &reply, "It, for people and for programs."))
            } },
            "/api/v1/level": { "get": {
                "operationId": "level",
                "summary": "The level with its reasons: load, findings, what acts, what must happen before it is milder, and pins.",
                "responses": answers(content("application/json", &reply, "It, for people and for programs."))
            } },
            "/api/v1/rules": { "get": {
                "operationId": "rules",
                "summary": "The rules in force, and those that ended lately.",
                "responses": answers(content("application/json", &reply, "They, for people and for programs."))
            } },
            "/api/v1/incidents": { "get": incidents(&reply) },
            "/api/v1/subscribers": { "get": subscribers(&reply) },
            "/api/v1/alerts": { "post": alerts(&reply) },
            "/api/v1/ctl": { "post": {
                "operationId": "ctl",
                "summary": "Carries out one command, like the control socket.",
                "requestBody": { "required": true, "content": { "application/json": { "schema": command } } },
                "responses": commanded(&reply)
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

fn incidents(reply: &Value) -> Value {
    json!({
        "operationId": "incidents",
        "summary": "Incidents, newest first, also those that the public is not told of.",
        "responses": answers(content("application/json", reply, "They, for people and for programs."))
    })
}

fn subscribers(reply: &Value) -> Value {
    json!({
        "operationId": "subscribers",
        "summary": "How mail to subscribers of the status page is going, and the first fifty of them, with masked addresses.",
        "responses": answers(content("application/json", reply, "It, for people and for programs."))
    })
}

fn alerts(reply: &Value) -> Value {
    let posted = json!({ "type": "object" });
    json!({
        "operationId": "alerts",
        "summary": "Takes what an Alertmanager posts (webhook, version 4) as a note about the incident that goes on.",
        "requestBody": { "required": true, "content": { "application/json": { "schema": posted } } },
        "responses": answers(content("application/json", reply, "It is noted, or the text says why not."))
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
            "detail": { "type": "string", "description": "What is wrong and what to do." }
        }
    })
}
