//! Pages elsewhere.

use super::Desk;
use crate::settings::{Config, Publish, PublishKind, StatusComponent};

pub(super) fn check(config: &Config, desk: &mut Desk<'_>) {
    let names = config.publish.iter().enumerate();
    let names = names.map(|(index, publish)| (format!("publish.{index}.name"), &publish.name));
    desk.refuse_repeats(names, "this name", "write another: what was written there is remembered by it");
    if config.status.is_none() && !config.publish.is_empty() {
        let cure = "write [status] with the components, and as `url` the public address of the page that you have; without `listen` nothing is served here";
        desk.error("publish", "there is no [status], which says what is published", cure);
    }
    for (index, publish) in config.publish.iter().enumerate() {
        let place = format!("publish.{index}");
        if !desk.are_sound(&[&format!("{place}.kind")]) {
            continue;
        }
        needed(publish, &place, desk);
        unneeded(publish, &place, desk);
        components(config, publish, &place, desk);
        secrecy(publish, &place, desk);
    }
}

/// What a page of its kind cannot be written to without.
fn needed(publish: &Publish, place: &str, desk: &mut Desk<'_>) {
    if publish.kind == PublishKind::Template {
        if publish.opened.is_none() {
            let cure = "write [publish.opened] with `url` and `body`";
            desk.error(&format!("{place}.opened"), "there is no request that opens an incident", cure);
        }
        return;
    }
    if publish.page.is_none() {
        let cure = match publish.kind {
            PublishKind::Statuspage => "write `page`; the id stands under Manage account, API",
            PublishKind::Instatus | PublishKind::Template => "write `page`; `GET /v2/pages` lists the ids",
        };
        desk.error(&format!("{place}.page"), "which page is meant, is not written", cure);
    }
    if publish.secret_file.is_none() {
        let cure = "write `secret_file` with a file that holds the key of the API";
        desk.error(&format!("{place}.secret_file"), "this page cannot be written to without a key", cure);
    }
}

/// What has no effect on a page of its kind.
fn unneeded(publish: &Publish, place: &str, desk: &mut Desk<'_>) {
    let is_template = publish.kind == PublishKind::Template;
    let of_templates =
        ["headers", "id", "opened", "updated", "resolved"].map(|key| (key, is_template, "template"));
    let of_others = ["page", "url", "component", "subscribers"].map(|key| (key, !is_template, "statuspage"));
    for (key, fits, kind) in of_templates.into_iter().chain(of_others) {
        let path = format!("{place}.{key}");
        if !fits && desk.is_written(&path) {
            let what = format!("`{key}` has no effect here: it is for a page of kind \"{kind}\"");
            desk.warning(&path, what, "leave it out, or write another `kind`");
        }
    }
}

/// Names that mean nothing here, and components that are not there.
fn components(config: &Config, publish: &Publish, place: &str, desk: &mut Desk<'_>) {
    let Some(status) = config.status.as_ref().filter(|_| publish.kind != PublishKind::Template) else {
        return;
    };
    let known: Vec<_> = status.components().iter().map(StatusComponent::full_name).collect();
    let path = |index: usize, key: &str| format!("{place}.component.{index}.{key}");
    let mapped = || publish.component.iter().enumerate();
    let cure = "leave it out here: one component there is one here";
    desk.refuse_repeats(mapped().map(|(index, of)| (path(index, "name"), &of.name)), "this component", cure);
    desk.refuse_repeats(mapped().map(|(index, of)| (path(index, "id"), &of.id)), "this id", cure);
    for (index, component) in mapped().filter(|(_, component)| !known.contains(&component.name)) {
        let what = format!("[status] has no component `{}`", component.name);
        let cure = format!("write one of {}", quoted(&known));
        desk.error(&path(index, "name"), what, cure);
    }
    let missing: Vec<_> =
        known.into_iter().filter(|name| publish.component.iter().all(|of| of.name != *name)).collect();
    if !missing.is_empty() {
        let what = format!("how {} does is not shown there", quoted(&missing));
        desk.warning(place, what, "write [[publish.component]] with `name` and `id` for each that is there");
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

/// What can be read on the way.
fn secrecy(publish: &Publish, place: &str, desk: &mut Desk<'_>) {
    let requests =
        [("opened", &publish.opened), ("updated", &publish.updated), ("resolved", &publish.resolved)];
    let of_requests = requests.iter().filter_map(|(key, request)| {
        Some((format!("{place}.{key}.url"), request.as_ref().map(|request| &request.url)?))
    });
    let urls = publish.url.iter().map(|url| (format!("{place}.url"), url)).chain(of_requests);
    for (path, _) in urls.filter(|(_, url)| url.is_readable_on_the_way()) {
        let what = "over plain http anybody on the way can read the key";
        desk.error(&path, what, "write an https:// address");
    }
}
