//! `[status.subscribers]`.

use std::path::PathBuf;

use model::Prefix;

use super::notify::{MailTls, bare};
use crate::entry::{default, optional, required, settings};
use crate::kinds::{
    CONTACT, FILE, MAIL_SERVER, MAIL_TLS, MailServer, PAGE_URL, PREFIX, PageUrl, TEXT, list, whole,
};

settings! {
    /// Mail to readers of the page who want it. They ask on the page, confirm by a link in a mail, and leave with one click. Without this
    /// table nobody can.
    pub struct StatusSubscribers {
        /// The server that takes mail: HOST:PORT. It should sign what it sends (DKIM), or much of it is taken for unwanted.
        server: MailServer = required("smtp.shop.example:587", MAIL_SERVER);
        /// How the way to `server` is encrypted: "starttls", mostly on port 587; "implicit", mostly on 465; "none", only to
        /// this machine itself.
        tls: MailTls = default("starttls", MAIL_TLS);
        /// The user at `server`, with the password in `secret_file`. Without it, nobody signs in.
        user: Option<String> = optional("portcullis", TEXT);
        /// The file with the password.
        secret_file: Option<PathBuf> = optional("/etc/portcullis/subscribers.secret", FILE);
        /// The authority that `server` is verified with, as PEM. Without it, those of the system.
        ca: Option<PathBuf> = optional("/etc/portcullis/our-ca.pem", FILE);
        /// From whom mail comes. Answers to it go nowhere unless somebody reads them.
        from: String = required("status@shop.example", CONTACT);
        /// Where `listen` of [status] is reached from outside: forms and links in mails lead there. Without it, `url` of [status], which must
        /// not lead to a mirror then.
        url: Option<PageUrl> = optional("https://status.shop.example", PAGE_URL);
        /// Mails in a second at most, all over one connection. Ten thousand subscribers at ten a second have heard within 17 min.
        per_second: u32 = default("10", whole(1, 100));
        /// Subscribers at most.
        most: u32 = default("20_000", whole(1, 50_000));
        /// The CDN or TLS server before `listen`: of what comes from there, the last address in X-Forwarded-For is whoever asks.
        /// From one network (IPv4 /24, IPv6 /48) three may ask in an hour.
        fronts: Vec<Prefix> = default("127.0.0.0/8, ::1/128", list(PREFIX, 64));
    }
}

impl StatusSubscribers {
    /// From whom mail comes, as an address alone.
    pub fn from(&self) -> &str {
        bare(&self.from)
    }
}
