//! A browser that judges the pages that it is shown: axe-core finds nothing, and nobody must scroll sideways.

use std::fs;

use serde_json::Value;

use crate::{Browser, Missing, Peer};

/// A browser that judges what it is shown.
pub struct Judge {
    /// What it looks with.
    pub browser: Browser,
    axe: String,
}

impl Judge {
    /// Width in pixels, and whether it is dark.
    pub const LOOKS: [(u32, bool); 4] = [(360, false), (360, true), (1_280, false), (1_280, true)];

    /// With Chromium and axe-core.
    ///
    /// # Errors
    /// [`Missing`] when one of them is not installed.
    pub fn start() -> Result<Self, Missing> {
        let axe = fs::read_to_string(Peer::axe()?).expect("it was there a moment ago");
        Ok(Self { browser: Browser::start("Mozilla/5.0 (somebody who looks)")?, axe })
    }

    /// Opens a page in every look and examines it.
    ///
    /// # Panics
    /// If axe-core finds anything, if one must scroll sideways, or if the page has more bytes than that.
    pub fn check(&self, address: &str, bytes_max: usize) {
        for (width, dark) in Self::LOOKS {
            self.browser.look(width, dark);
            self.browser.open(address);
            let found = self.findings();
            assert!(found.is_empty(), "{address}, {width} px, dark: {dark}: {found:#?}");
            let wide = self.browser.run("return document.documentElement.scrollWidth").as_u64();
            assert!(wide.is_some_and(|wide| wide <= width.into()), "{address}: {wide:?} px of {width}");
            let bytes = self.browser.page().len();
            assert!(bytes <= bytes_max, "{address}: {bytes} bytes");
        }
    }

    /// What axe-core finds on the page that is shown, and what it cannot decide.
    ///
    /// # Panics
    /// If it has examined nothing.
    pub fn findings(&self) -> Vec<String> {
        self.browser.run(&self.axe);
        let result = self.browser.resolve(
            "axe.run().then((result) => ({
                rules: result.passes.map((rule) => rule.id),
                found: [...result.violations, ...result.incomplete]
                    .map((rule) => rule.id + ': ' + rule.nodes.map((node) => node.html).join(' ')),
            }))",
        );
        let looked =
            |rule: &str| result["rules"].as_array().is_some_and(|rules| rules.iter().any(|id| id == rule));
        assert!(looked("aria-hidden-body"), "it has examined nothing: {result:#}");
        let found = result["found"].as_array().into_iter().flatten().filter_map(Value::as_str);
        found.map(str::to_owned).collect()
    }

    /// Whether the page that is shown has this text.
    pub fn says(&self, text: &str) -> bool {
        self.browser.page().contains(text)
    }
}
