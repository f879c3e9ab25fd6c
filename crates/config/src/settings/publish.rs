//! `[[publish]]`.

use std::path::PathBuf;

use crate::entry::{default, optional, optional_table, required, settings, tables};
use crate::kinds::{
    BODY, FILE, FLAG, FULL_NAME, HEADER_LINE, METHOD, NAME, PUBLISH_KIND, REMOTE_ID, TEXT, WEB_URL, WebUrl,
    list, whole,
};

settings! {
    /// A status page that you have elsewhere already, which then says what `[status]` says: incidents with all that is said of them, announced
    /// work, and how components do. What people write there stays as it is.
    pub struct Publish {
        /// What it is called in logs and metrics.
        name: String = required("statuspage", NAME);
        /// "statuspage": Atlassian Statuspage, its manage API; "instatus": Instatus, its API; "template": any other, by the
        /// requests that you write below.
        kind: PublishKind = required("statuspage", PUBLISH_KIND);
        /// The page's id there, for "statuspage" and "instatus".
        page: Option<String> = optional("kctbh9vrtdwd", REMOTE_ID);
        /// A file with the key, which only the gate's user reads.
        secret_file: Option<PathBuf> = optional("/etc/portcullis/statuspage.key", FILE);
        /// Scheme and host of the API, for another than `https://api.statuspage.io` or `https://api.instatus.com`.
        url: Option<WebUrl> = optional("https://api.statuspage.io", WEB_URL);
        /// The authority that its server is verified with, as PEM. Without it, those of the system.
        ca: Option<PathBuf> = optional("/etc/portcullis/our-ca.pem", FILE);
        /// Whether those who subscribed there are told of what is new: of the newest alone, where several come at once.
        subscribers: bool = default("true", FLAG);
        /// Requests in a minute at most; five may come at once. Statuspage allows 60.
        per_minute: u32 = default("50", whole(10, 600));
        /// Headers of all requests of a "template", with `{{secret}}` in the place of what is in `secret_file`.
        headers: Vec<String> = default("", list(HEADER_LINE, 8));
        /// Where the answer to `opened` has the incident's id, as a JSON pointer, for `{{id}}` in `updated` and `resolved`.
        id: Option<String> = optional("/data/id", TEXT);
        /// Our components that are there, too. Others there are left alone.
        component: Vec<PublishComponent> = tables(0, 64, "write at most 64 of them: readers look for one line");
        /// The request of a "template" that opens an incident.
        opened: Option<PublishRequest> = optional_table();
        /// The one for what is said of it later. Without it, that is not brought there.
        updated: Option<PublishRequest> = optional_table();
        /// The one for its end. Without it, `updated` is sent.
        resolved: Option<PublishRequest> = optional_table();
    }
}

settings! {
    /// A component of `[status]` that is there, too.
    pub struct PublishComponent {
        /// Its name here, with its groups before it: "Shop / Checkout / Website".
        name: String = required("Shop / Checkout / Website", FULL_NAME);
        /// Its id there.
        id: String = required("8kbf7d35c070", REMOTE_ID);
    }
}

settings! {
    /// A request with places in double braces: `title`, `text`, `stage` (investigating, identified, monitoring, resolved), `impact`
    /// (none, minor, major, critical), `status` (of its worst component), `components`, `at`, `since`, `url` (of the incident on our page),
    /// `incident` and `update` (our ids), `id` (its id there). An `Idempotency-Key` is sent along.
    pub struct PublishRequest {
        /// POST, PUT or PATCH.
        method: String = default("POST", METHOD);
        /// The whole address; what is put into its places is percent-encoded.
        url: WebUrl = required("https://page.shop.example/api/incidents", WEB_URL);
        /// JSON; places stand within quotes, and what is put into them stays one text.
        body: String = required(r#"{\"name\": \"{{title}}\", \"message\": \"{{text}}\"}"#, BODY);
    }
}

/// How a page elsewhere is written to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PublishKind {
    /// Atlassian Statuspage.
    Statuspage,
    /// Instatus.
    Instatus,
    /// By requests that are written in the configuration.
    Template,
}

impl crate::settings::StatusComponent {
    /// Its name with its groups before it.
    pub fn full_name(&self) -> String {
        self.group.iter().map(|group| format!("{group} / ")).chain([self.name.clone()]).collect()
    }
}
