//! What a status page is called, where it is, and what else is the same on all of its pages.

use std::time::Duration;

use incident::PublicId;

/// A status page: its name, its address, and what is said on every page.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page {
    name: String,
    url: String,
    support: Option<Support>,
    stale_after: Duration,
    subscribing: Option<String>,
}

/// Where people turn who need more than the page says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Support {
    pub(crate) text: String,
    pub(crate) link: Option<String>,
}

/// Why something is no [`Page`]. Each message quotes what was written and says what to write instead.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PageError {
    /// The name is empty.
    #[error("the status page needs a name, such as `Example Shop`")]
    NoName,

    /// The address is not one of the web, or has a question mark, a fragment or a slash at its end.
    #[error("`{url}` is not the address of a status page; write one such as `https://status.shop.example`")]
    Url {
        /// As it was written.
        url: String,
    },

    /// The link is of a kind that a browser could run.
    #[error("`{link}` is not a link to support; begin it with `https://`, `http://`, `mailto:` or `tel:`")]
    Link {
        /// As it was written.
        link: String,
    },
}

impl Page {
    /// A page of that name at that address, absolute and without a slash at its end. Copies are called old after 15 minutes.
    ///
    /// # Errors
    ///
    /// The name is empty, or the address is not one.
    pub fn new(name: &str, url: &str) -> Result<Self, PageError> {
        if name.trim().is_empty() {
            return Err(PageError::NoName);
        }
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let is_address = rest.is_some_and(|rest| {
            !rest.starts_with('/') && !rest.ends_with('/') && !rest.contains(['?', '#']) && is_plain(rest)
        });
        if !is_address {
            return Err(PageError::Url { url: url.to_owned() });
        }
        let (name, url) = (name.trim().to_owned(), url.to_owned());
        Ok(Self { name, url, support: None, stale_after: STALE_AFTER, subscribing: None })
    }

    /// With a form for those who want mail, which is answered at this address, absolute and without a slash at its end: a copy
    /// elsewhere has the form, too.
    ///
    /// # Errors
    ///
    /// It is no address.
    pub fn with_subscribing(self, base: &str) -> Result<Self, PageError> {
        let Self { url, .. } = Self::new(&self.name, base)?;
        Ok(Self { subscribing: Some(url), ..self })
    }

    /// With a line about support at the foot of every page; `link` is where its text leads.
    ///
    /// # Errors
    ///
    /// The link is neither of the web nor of mail or telephone.
    pub fn with_support(mut self, text: &str, link: Option<&str>) -> Result<Self, PageError> {
        let is_link = |link: &str| {
            let rest = SCHEMES.iter().find_map(|scheme| link.strip_prefix(scheme));
            rest.is_some_and(is_plain)
        };
        if let Some(bad) = link.filter(|link| !is_link(link)) {
            return Err(PageError::Link { link: bad.to_owned() });
        }
        self.support = Some(Support { text: text.to_owned(), link: link.map(str::to_owned) });
        Ok(self)
    }

    /// With another age from which a copy is called old. Copies are made anew more often than that.
    #[must_use]
    pub const fn with_stale_after(mut self, stale_after: Duration) -> Self {
        self.stale_after = stale_after;
        self
    }

    /// As people read it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Absolute, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From which age a copy is old.
    pub const fn stale_after(&self) -> Duration {
        self.stale_after
    }

    /// The same for the same name and address, for ever.
    pub fn id(&self) -> PublicId {
        // A name has no control characters worth keeping apart, so one of them parts it from the address.
        PublicId::of(&crate::bundle::sha256(format!("{}\n{}", self.name, self.url).as_bytes()))
    }

    /// The name of the machine and, if there is one, the port.
    pub(crate) fn host(&self) -> &str {
        let rest = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default()
    }

    /// Where those who want mail are answered; `None`: nowhere.
    pub fn subscribing(&self) -> Option<&str> {
        self.subscribing.as_deref()
    }

    pub(crate) const fn support(&self) -> Option<&Support> {
        self.support.as_ref()
    }
}

/// Something that may stand in a link without a second look: no space, quote, bracket or control character.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'<>\\`{}|^".contains(&byte))
}

const SCHEMES: [&str; 4] = ["https://", "http://", "mailto:", "tel:"];

const STALE_AFTER: Duration = Duration::from_secs(15 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_refused_that_could_not_be_linked_to() {
        for url in ["", "status.shop.example", "https://", "https://a.example/", "javascript:alert(1)"] {
            check(url, "is not the address of a status page");
        }
        for url in
            ["https://a.example?x", "https://a.example#x", "https://a b", "https://\"><b>", "https:///x"]
        {
            check(url, "is not the address of a status page");
        }
        check("https://shop.example/status", "");
        check("http://[::1]:8080", "");
    }

    #[test]
    fn a_link_that_a_browser_would_run_is_refused() {
        let page = Page::new("Example Shop", "https://status.shop.example").expect("it is an address");
        let refused = page.clone().with_support("Help", Some("javascript:alert(1)")).unwrap_err().to_string();
        assert!(refused.contains("begin it with"), "{refused}");
        assert!(page.with_support("Help", Some("mailto:help@shop.example")).is_ok());
    }

    #[test]
    fn the_identity_stays_as_long_as_name_and_address_do() {
        let id = |name, url| Page::new(name, url).expect("it is an address").id().to_string();
        assert_eq!(id("A", "https://a.example"), id("A", "https://a.example"));
        assert_ne!(id("A", "https://a.example"), id("B", "https://a.example"));
        assert_eq!(Page::new(" ", "https://a.example"), Err(PageError::NoName));
    }

    #[track_caller]
    fn check(url: &str, complaint: &str) {
        let told = Page::new("Example Shop", url).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(told.contains(complaint) && told.is_empty() == complaint.is_empty(), "{url}: {told}");
    }
}
