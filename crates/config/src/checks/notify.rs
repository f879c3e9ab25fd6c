//! Who is alerted.

use super::Desk;
use crate::settings::{MailTls, Notify, NotifyKind};

pub(super) fn check(receivers: &[Notify], desk: &mut Desk<'_>) {
    let names = receivers.iter().enumerate();
    let names = names.map(|(index, notify)| (format!("notify.{index}.name"), &notify.name));
    desk.refuse_repeats(names, "this name", "write another: logs and metrics tell receivers apart by it");
    for (index, notify) in receivers.iter().enumerate() {
        let place = format!("notify.{index}");
        if !desk.are_sound(&[&format!("{place}.kind")]) {
            continue;
        }
        needed(notify, &place, desk);
        unneeded(notify, &place, desk);
        secrecy(notify, &place, desk);
    }
}

/// What a receiver of its kind cannot be reached without.
fn needed(notify: &Notify, place: &str, desk: &mut Desk<'_>) {
    let has_url = notify.url.is_some() || notify.url_file.is_some();
    let (url, secret) = match notify.kind {
        NotifyKind::PagerDuty => (None, Some("the routing key of the integration")),
        NotifyKind::Alertmanager => (Some("write url = \"http://HOST:9093\""), None),
        NotifyKind::Slack => {
            (Some("write `url_file` with a file that holds the address of the webhook"), None)
        }
        NotifyKind::Webhook => (
            Some("write `url` with the whole address"),
            Some("the key that messages are signed with, `whsec_…`"),
        ),
        NotifyKind::Heartbeat => (Some("write `url` or `url_file` with the whole address"), None),
        NotifyKind::Mail => (None, None),
    };
    let sound = |desk: &Desk<'_>, key: &str| desk.are_sound(&[&format!("{place}.{key}")]);
    if let Some(cure) = url.filter(|_| !has_url && sound(desk, "url") && sound(desk, "url_file")) {
        desk.error(&format!("{place}.url"), "where this receiver is, is not written", cure);
    }
    if let Some(what) = secret.filter(|_| notify.secret_file.is_none()) {
        let cure = format!("write `secret_file` with a file that holds {what}");
        desk.error(&format!("{place}.secret_file"), "this receiver has no secret", cure);
    }
    if notify.kind == NotifyKind::Mail {
        let parts = [
            ("server", notify.server.is_none(), "server = \"smtp.shop.example:587\""),
            ("from", notify.from.is_none(), "from = \"portcullis@shop.example\""),
            ("to", notify.to.is_empty(), "to = [\"ops@shop.example\"]"),
        ];
        for (key, _, example) in parts.into_iter().filter(|(_, is_missing, _)| *is_missing) {
            let what = format!("mail cannot be sent without `{key}`");
            desk.error(&format!("{place}.{key}"), what, format!("write, for example, {example}"));
        }
    }
}

/// What has no effect on a receiver of its kind, and what does not fit together.
fn unneeded(notify: &Notify, place: &str, desk: &mut Desk<'_>) {
    let is_mail = notify.kind == NotifyKind::Mail;
    let of_mail = ["server", "tls", "user", "from", "to"].map(|key| (key, is_mail, "mail"));
    let of_beats = ("every", notify.kind == NotifyKind::Heartbeat, "heartbeat");
    let of_others = ["url", "url_file"].map(|key| (key, !is_mail, "another"));
    for (key, fits, kind) in of_mail.into_iter().chain([of_beats]).chain(of_others) {
        let path = format!("{place}.{key}");
        if !fits && desk.is_written(&path) {
            let what = format!("`{key}` has no effect here: it is for a receiver of kind \"{kind}\"");
            desk.warning(&path, what, "leave it out, or write another `kind`");
        }
    }
    if notify.url.is_some() && notify.url_file.is_some() {
        desk.error(&format!("{place}.url_file"), "`url` is there too", "leave one of them out");
    }
    let has_secret = !matches!(notify.kind, NotifyKind::Slack | NotifyKind::Heartbeat);
    if !has_secret && notify.secret_file.is_some() {
        let cure = "leave it out; what is secret is the address, in `url_file`";
        desk.warning(&format!("{place}.secret_file"), "this kind of receiver has no secret of its own", cure);
    }
    if is_mail && notify.user.is_some() != notify.secret_file.is_some() {
        let at = if notify.user.is_some() { "user" } else { "secret_file" };
        let cure = "write both, or neither for a server that asks nobody";
        desk.error(&format!("{place}.{at}"), "a user and its password are of no use alone", cure);
    }
}

/// What can be read on the way.
fn secrecy(notify: &Notify, place: &str, desk: &mut Desk<'_>) {
    if notify.url.as_ref().is_some_and(crate::kinds::WebUrl::is_readable_on_the_way) {
        desk.warning(
            &format!("{place}.url"),
            "over plain http anybody on the way can read alerts, and keys with them",
            "write an https:// address",
        );
    }
    let is_far = notify.server.as_ref().is_some_and(|server| !server.is_this_machine());
    if is_far && notify.tls == MailTls::None {
        desk.error(
            &format!("{place}.tls"),
            "without TLS anybody on the way can read mail and password",
            "write tls = \"starttls\" or tls = \"implicit\"",
        );
    }
}
