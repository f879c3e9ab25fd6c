//! The shop's pages and files.

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use web_io::Bytes;

/// Files of every page; answered outside the shop's slots.
pub(crate) const ASSETS: [&str; 3] = ["/assets/shop.css", "/assets/shop.js", "/assets/stage.svg"];

const EVENTS: [(&str, &str, &str); 4] = [
    ("The Long Winter", "Theatre, main stage", "24.00"),
    ("String Quartet No. 8", "Chamber hall", "31.50"),
    ("Open Air Cinema", "In the park, weather permitting", "9.00"),
    ("Jazz at Noon", "Foyer, standing", "12.00"),
];

pub(super) fn asset(path: &str) -> Option<Response<Bytes>> {
    let (kind, body) = match path {
        "/assets/shop.css" => ("text/css", STYLE),
        "/assets/shop.js" => ("text/javascript", "document.documentElement.dataset.ready = \"yes\";\n"),
        "/assets/stage.svg" | "/favicon.ico" => ("image/svg+xml", STAGE),
        "/robots.txt" => ("text/plain", "User-agent: *\nAllow: /\n"),
        _ => return None,
    };
    let mut answer = Response::new(Bytes::from_static(body.as_bytes()));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    Some(answer)
}

pub(super) fn home() -> String {
    let events: String = EVENTS
        .iter()
        .enumerate()
        .map(|(number, (name, place, price))| {
            format!(
                "<li><a href=\"/event/{number}\"><b>{name}</b></a><span>{place}</span><em>€ {price}</em></li>"
            )
        })
        .collect();
    page("Tonight and soon", &format!("<ul class=\"events\">{events}</ul>"))
}

pub(super) fn event(path: &str) -> String {
    let number: usize = path.rsplit('/').next().and_then(|text| text.parse().ok()).unwrap_or(0);
    let (name, place, price) = EVENTS[number % EVENTS.len()];
    page(
        name,
        &format!(
            "<p>{place}. One ticket is € {price}.</p><form method=\"post\" action=\"/checkout\"><button>Buy a ticket</button></form>"
        ),
    )
}

pub(super) fn search(query: &str) -> String {
    let asked = query.split('&').find_map(|pair| pair.strip_prefix("q=")).unwrap_or("");
    let shown: String = asked.chars().filter(|c| c.is_ascii_alphanumeric()).take(40).collect();
    page(
        "Search",
        &format!(
            "<p>Nothing was found for “{shown}”. A search asks every theatre in the country, so it takes a while.</p>"
        ),
    )
}

pub(super) fn login() -> String {
    page(
        "Sign in",
        "<form method=\"post\" action=\"/login\"><label>E-mail<input name=\"user\" value=\"you@shop.example\"></label>\
         <label>Password<input name=\"password\" type=\"password\" value=\"tickets\"></label><button>Sign in</button></form>\
         <p class=\"hint\">This is a demonstration: any name will do, the password is “tickets”.</p>",
    )
}

pub(super) fn account(name: &str) -> String {
    let shown: String =
        name.chars().filter(|c| c.is_ascii_alphanumeric() || "@.-_".contains(*c)).take(100).collect();
    page("Your tickets", &format!("<p>Signed in as {shown}.</p><p>You have no tickets for tonight.</p>"))
}

pub(super) fn not_found() -> String {
    page("There is no such page", "<p><a href=\"/\">Back to all events</a></p>")
}

pub(super) fn events_json() -> String {
    let events: Vec<_> = EVENTS
        .iter()
        .map(|(name, place, price)| serde_json::json!({ "name": name, "place": place, "price": price }))
        .collect();
    serde_json::Value::from(events).to_string()
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{title} · Stage Door</title><link rel=\"stylesheet\" href=\"/assets/shop.css\"><script src=\"/assets/shop.js\" defer></script></head>\n\
         <body><header><img src=\"/assets/stage.svg\" alt=\"\" width=\"40\" height=\"40\"><a href=\"/\">Stage Door</a>\
         <form action=\"/search\"><input name=\"q\" aria-label=\"Search\" placeholder=\"Search\"></form><a href=\"/account\">Your tickets</a></header>\n\
         <main><h1>{title}</h1>{body}</main></body></html>\n"
    )
}

const STYLE: &str = "body{margin:0;font:1.0625rem/1.6 system-ui,sans-serif;background:#faf8f4;color:#26221d}\
header{display:flex;gap:1rem;align-items:center;flex-wrap:wrap;padding:1rem 1.5rem;border-bottom:1px solid #e4ddd0}\
header a{color:inherit;text-decoration:none;font-weight:600}header form{margin-left:auto}\
main{max-width:44rem;margin:0 auto;padding:1.5rem}.events{list-style:none;padding:0}\
.events li{display:grid;grid-template-columns:1fr auto;gap:0 1rem;padding:.75rem 0;border-bottom:1px solid #e4ddd0}\
.events span{color:#6d645a;grid-row:2}.events em{grid-row:1/3;grid-column:2;align-self:center;font-style:normal}\
a{color:#8a3324}label{display:block;margin:.5rem 0}input{font:inherit;padding:.35rem .5rem;border:1px solid #cfc6b7;border-radius:.25rem;margin-left:.5rem}\
button{font:inherit;padding:.5rem 1rem;background:#8a3324;color:#fff;border:0;border-radius:.25rem}.hint{color:#6d645a}\n";
const STAGE: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 24 24\" fill=\"none\" stroke=\"#8a3324\" stroke-width=\"1.5\"><path d=\"M3 4h18M4 4c0 6 3 9 3 16M20 4c0 6-3 9-3 16M3 20h18\"/></svg>\n";
