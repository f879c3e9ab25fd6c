use serde_json::json;

use super::*;
use crate::http::openapi;

/// A body for each way that has one.
fn example(name: &str) -> Value {
    match name {
        "openIncident" => json!({ "title": "t", "stage": "identified", "text": "x", "seen": 3,
            "components": [{ "name": "Shop / Web", "status": "partial_outage" }] }),
        "updateIncident" => json!({ "stage": "resolved", "text": "x", "reason": "y", "seen": 3 }),
        "noteIncident" => json!({ "text": "x" }),
        "acknowledgeIncident" => json!({}),
        "keepDraft" | "publishReport" => json!({ "text": "x", "seen": 3 }),
        "publishNotice" | "holdNotice" | "finish" => json!({ "seen": 3 }),
        "setComponent" => json!({ "name": "Shop / Web", "status": "major_outage", "seen": 3 }),
        "announce" => {
            json!({ "title": "t", "text": "x", "from": 1, "until": 2, "components": ["Shop / Web"], "seen": 3 })
        }
        other => panic!("`{other}` has no example"),
    }
}

/// Every place of the description leads to the act that it names, takes what its schema says, and nothing else.
#[test]
fn what_is_described_is_what_is_taken() {
    let document: Value = serde_json::from_str(&openapi::text()).unwrap();
    for way in &WAYS {
        let described = &document["paths"][way.path][way.method.as_str().to_ascii_lowercase()];
        assert_eq!(described["operationId"], way.name);
        let id = way.path.contains("{id}").then_some("abcdefghijkl");
        if way.method == Method::GET {
            assert!(command(way, id, Map::new()).is_ok(), "{}", way.name);
            continue;
        }
        let schema = &described["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(schema["additionalProperties"], false, "{}: {schema}", way.name);
        let Value::Object(body) = example(way.name) else { panic!("a body is an object") };
        let properties = schema["properties"].as_object().cloned().unwrap_or_default();
        let (said, has): (Vec<_>, Vec<_>) = (properties.keys().collect(), body.keys().collect());
        assert_eq!(said, has, "{}: every property has an example", way.name);
        assert!(command(way, id, body.clone()).is_ok(), "{}", way.name);
        for needed in schema["required"].as_array().into_iter().flatten() {
            let mut less = body.clone();
            less.remove(needed.as_str().unwrap());
            assert!(command(way, id, less).is_err(), "{} without {needed}", way.name);
        }
        let more = |name: &str| {
            let mut more = body.clone();
            more.insert(name.to_owned(), json!("open"));
            command(way, id, more)
        };
        for foreign in ["act", "id", "command", "ids", "unknown"] {
            assert!(more(foreign).is_err(), "{} with {foreign}", way.name);
        }
    }
}

#[test]
fn every_act_about_the_page_has_an_address() {
    let document: Value = serde_json::from_str(&openapi::text()).unwrap();
    let acts = document["components"]["schemas"]["PageCommand"]["oneOf"].as_array().unwrap();
    let acts = acts.iter().map(|act| act["properties"]["act"]["const"].as_str().unwrap());
    // Alerts are no part of the page.
    let missing: Vec<&str> =
        acts.filter(|act| !act.contains("alerts") && WAYS.iter().all(|way| way.act != *act)).collect();
    assert_eq!(missing, [] as [&str; 0]);
}

#[test]
fn an_identity_comes_from_the_address_alone() {
    assert_eq!(matched("/a/{id}/b", "/a/x/b"), Some(Some("x")));
    assert_eq!(matched("/a", "/a"), Some(None));
    for path in ["/a/x", "/a/x/b/", "/a/x/b/c", "/b/x/b", "/a//b/b"] {
        assert_eq!(matched("/a/{id}/b", path), None, "{path}");
    }
    let update = WAYS.iter().find(|way| way.name == "updateIncident").unwrap();
    let Value::Object(body) = json!({ "text": "x" }) else { panic!("it is an object") };
    assert!(command(update, Some("../x"), body).is_err());
}
