//! Public items are documented, and no test is left out.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, Visibility};

use super::{Source, rust};

pub(super) fn undocumented(sources: &[Source]) -> Vec<String> {
    rust(sources)
        .filter(|(path, _)| path.starts_with("crates/"))
        .flat_map(|(path, text)| look(path, text).undocumented)
        .collect()
}

/// Tests are cured or removed, not ignored, and say what they expect instead of expecting any panic.
pub(super) fn tests_left_out(sources: &[Source]) -> Vec<String> {
    rust(sources).flat_map(|(path, text)| look(path, text).left_out).collect()
}

#[derive(Default)]
struct Look<'a> {
    path: &'a str,
    undocumented: Vec<String>,
    left_out: Vec<String>,
}

fn look<'a>(path: &'a str, text: &str) -> Look<'a> {
    let mut look = Look { path, ..Look::default() };
    match syn::parse_file(text) {
        Ok(file) => look.visit_file(&file),
        Err(error) => look.undocumented.push(format!("{path}: cannot be parsed: {error}")),
    }
    look
}

impl Look<'_> {
    fn take(&mut self, visibility: &Visibility, attributes: &[Attribute], name: &syn::Ident) {
        let is_public = matches!(visibility, Visibility::Public(_));
        if is_public && !attributes.iter().any(|attribute| attribute.path().is_ident("doc")) {
            let line = name.span().start().line;
            self.undocumented
                .push(format!("{}:{line}: `{name}` is public and says nothing about itself", self.path));
        }
    }
}

impl<'ast> Visit<'ast> for Look<'_> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other items have no name that could be public")]
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            Item::Const(item) => self.take(&item.vis, &item.attrs, &item.ident),
            Item::Enum(item) => self.take(&item.vis, &item.attrs, &item.ident),
            Item::Fn(item) => self.take(&item.vis, &item.attrs, &item.sig.ident),
            Item::Static(item) => self.take(&item.vis, &item.attrs, &item.ident),
            Item::Struct(item) => self.take(&item.vis, &item.attrs, &item.ident),
            Item::Trait(item) => self.take(&item.vis, &item.attrs, &item.ident),
            Item::Type(item) => self.take(&item.vis, &item.attrs, &item.ident),
            // Modules speak in their own files; the rest has no visibility of its own.
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.take(&item.vis, &item.attrs, &item.sig.ident);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.take(&item.vis, &item.attrs, &item.ident);
        visit::visit_impl_item_const(self, item);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        let left_out = ["ignore", "should_panic"].into_iter().find(|name| attribute.path().is_ident(name));
        if let Some(name) = left_out {
            let line = attribute.span().start().line;
            self.left_out.push(format!("{}:{line}: `#[{name}]`; mend the test or remove it", self.path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::*;

    #[test]
    fn a_public_item_without_a_word_is_seen() {
        let text = "/// Good.\npub struct A;\nimpl A {\n    pub fn bad() {}\n    fn private() {}\n}\npub(crate) fn f() {}\n";
        assert_eq!(
            undocumented(&[made_up("crates/a/src/a.rs", text)]),
            ["crates/a/src/a.rs:4: `bad` is public and says nothing about itself"]
        );
    }

    #[test]
    fn an_ignored_test_is_seen() {
        let text = "#[test]\n#[ignore = \"slow\"]\nfn t() {}\n#[test]\n#[should_panic]\nfn p() {}\n";
        assert_eq!(
            tests_left_out(&[made_up("crates/a/tests/a.rs", text)]),
            [
                "crates/a/tests/a.rs:2: `#[ignore]`; mend the test or remove it",
                "crates/a/tests/a.rs:5: `#[should_panic]`; mend the test or remove it"
            ]
        );
    }
}
