//! The JSON schema of the configuration, for editors.

use serde_json::{Map, Value, json};

use crate::entry::{Field, Form, Presence, Section};
use crate::kinds::Shape;
use crate::settings::Config;

/// The JSON schema (draft 2020-12) of the configuration.
///
/// It is milder than [`Config::parse`]: it knows the keys, their kinds and how values are written, but not
/// the rules that join several of them.
pub fn schema() -> Value {
    let mut root = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Portcullis configuration",
        "description": joined(Config::DOC),
    });
    if let (Some(root), Value::Object(table)) = (root.as_object_mut(), table(&Config::fields())) {
        root.extend(table);
    }
    root
}

fn table(fields: &[Field]) -> Value {
    let properties: Map<_, _> = fields.iter().map(|field| (field.key.to_owned(), property(field))).collect();
    let required: Vec<_> =
        fields.iter().filter(|field| is_required(&field.form)).map(|field| field.key).collect();
    let mut table = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        table["required"] = json!(required);
    }
    table
}

fn is_required(form: &Form) -> bool {
    match form {
        Form::Value { presence, .. } => matches!(presence, Presence::Required { .. }),
        Form::Table { many, is_present, .. } => *many && *is_present,
    }
}

fn property(field: &Field) -> Value {
    let mut value = match &field.form {
        Form::Value { shape, presence } => with_presence(kind(shape), presence),
        Form::Table { fields, many: false, .. } => table(fields),
        Form::Table { fields, many: true, is_present, .. } => {
            json!({ "type": "array", "minItems": u8::from(*is_present), "items": table(fields) })
        }
    };
    let doc = if let Form::Table { doc, .. } = &field.form { doc } else { field.doc };
    value["description"] = json!(joined(doc));
    value
}

fn with_presence(mut value: Value, presence: &Presence) -> Value {
    let (key, text) = match presence {
        Presence::Default(text) => ("default", text),
        Presence::Required { example: text } | Presence::Optional { example: text } => ("examples", text),
    };
    let read = json_of(text);
    value[key] = if key == "examples" { json!([read]) } else { read };
    value
}

fn kind(shape: &Shape) -> Value {
    match shape {
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Whole { least, most } => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Shape::Choice(words) => json!({ "enum": words }),
        Shape::Text { pattern, .. } => json!({ "type": "string", "pattern": pattern }),
        Shape::List { of, most } => json!({ "type": "array", "maxItems": most, "items": kind(of) }),
    }
}

/// A default or example, which is TOML, as JSON.
fn json_of(text: &str) -> Value {
    let plain = text.replace('_', "");
    serde_json::from_str(&plain).or_else(|_| serde_json::from_str(text)).unwrap_or_else(|_| json!(text))
}

fn joined(doc: &[&str]) -> String {
    doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}
