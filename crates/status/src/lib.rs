//! What may be published, to the files of a status page: pages for people, JSON in the dialect of Statuspage, a feed, a badge.
//!
//! It is *not* where it is decided what may be published (`incident`), nor where files are served, signed or sent (`status-io`): time is
//! an argument, and the same view gives the same bytes; what signs is an argument, too. The main types are [`Page`], [`Bundle`],
//! [`File`], [`Manifest`] and [`PageData`].
//!
//! ```
//! let page = status::Page::new("Example Shop", "https://status.shop.example")?;
//! let bundle = status::render(&incident::View::default(), &page, model::Timestamp::from_secs(1_795_886_641));
//! assert!(bundle.find("/").is_some_and(|file| file.content_type.starts_with("text/html")));
//! assert!(bundle.find("/no-such-page").is_none());
//! # Ok::<(), status::PageError>(())
//! ```

mod badge;
mod bundle;
mod data;
mod dates;
mod days;
mod feed;
mod form;
mod json;
mod markup;
mod news;
mod page;
mod pages;
mod plain;
mod report;
mod signed;
mod successor;
mod tree;
mod verdict;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub use bundle::{Bundle, Edition, File, render};
pub use data::{PageData, PageDataError};
pub use form::{FORM_BYTES_MAX, Fields};
pub use markup::Markup;
pub use page::{Page, PageError};
pub use pages::{FormPage, Forms, STYLE, as_published, content_security_policy, source_hash};
pub use report::{put_markdown, report};
pub use signed::{CopyError, MANIFEST, Manifest, NoKey, PublicKey, SIGNATURE};
pub use successor::Successor;
