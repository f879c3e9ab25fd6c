//! What the gate answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The answer to one command.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Reply {
    /// Whether it was done.
    pub ok: bool,
    /// For people: one or several lines.
    pub text: String,
    /// For programs.
    #[serde(default)]
    pub data: serde_json::Value,
}

impl Reply {
    /// It was done.
    pub fn done(text: impl Into<String>, data: serde_json::Value) -> Self {
        Self { ok: true, text: text.into(), data }
    }

    /// It was not done; the text says why and what to do.
    pub fn failed(text: impl Into<String>) -> Self {
        Self { ok: false, text: text.into(), data: serde_json::Value::Null }
    }
}
