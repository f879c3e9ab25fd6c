//! What people read: the commented default configuration, and the reference page.

use crate::entry::{Field, Form, Presence, Section};
use crate::kinds::{Shape, grouped};
use crate::settings::{Config, OutpostConfig};

impl Config {
    /// The complete default configuration with its manual as comments, for `portcullis check
    /// --print-default`.
    ///
    /// It parses, and equals [`Config::default`]. A line that begins with `#` and a letter or a bracket is a
    /// setting: taking the `#` away changes nothing where the line shows a default.
    pub fn default_commented() -> String {
        let mut text = String::from(INTRODUCTION);
        Printer { text: &mut text }.table("", false, true, &Self::fields());
        text
    }

    /// The reference page, as Markdown.
    pub fn reference() -> String {
        let mut text = String::from(REFERENCE_INTRODUCTION);
        describe(&mut text, "", &Self::fields());
        text
    }
}

impl OutpostConfig {
    /// The complete default configuration of an outpost with its manual as comments, for `portcullis outpost --print-default`.
    pub fn default_commented() -> String {
        let mut text = String::from(OUTPOST_INTRODUCTION);
        Printer { text: &mut text }.table("", false, true, &Self::fields());
        text
    }
}

/// The tables that have a key of this name, as they are written, if they are few.
pub(crate) fn home_of(key: &str) -> Option<String> {
    let mut homes = Vec::new();
    find(key, "", &Config::fields(), &mut homes);
    (1..=HOMES_MAX).contains(&homes.len()).then(|| homes.join(" or "))
}

fn find(key: &str, place: &str, fields: &[Field], homes: &mut Vec<String>) {
    for field in fields {
        if let Form::Table { fields, many, .. } = &field.form {
            let name = join(place, field.key);
            if fields.iter().any(|field| field.key == key && matches!(field.form, Form::Value { .. })) {
                homes.push(header(&name, *many));
            }
            find(key, &name, fields, homes);
        }
    }
}

/// Writes the commented default configuration.
struct Printer<'a> {
    text: &'a mut String,
}

impl Printer<'_> {
    /// Keys first, then tables: after the header of a table within, keys would belong to that.
    fn table(&mut self, name: &str, many: bool, is_live: bool, fields: &[Field]) {
        if !name.is_empty() {
            let mark = if is_live { "" } else { "#" };
            self.line(&format!("{mark}{}", header(name, many)));
        }
        for field in fields {
            if let Form::Value { presence, .. } = &field.form {
                self.key(field, presence, is_live);
            }
        }
        for field in fields {
            if let Form::Table { doc, fields, many, is_present } = &field.form {
                self.line("");
                self.comment(doc);
                self.table(&join(name, field.key), *many, is_live && *is_present, fields);
            }
        }
    }

    fn key(&mut self, field: &Field, presence: &Presence, is_live: bool) {
        self.line("");
        self.comment(field.doc);
        let (mark, value) = match presence {
            Presence::Required { example } if is_live => ("", example),
            Presence::Required { example } => ("#", example),
            Presence::Default(value) => ("#", value),
            Presence::Optional { example } => {
                self.line("# Unset by default; for example:");
                ("#", example)
            }
        };
        self.line(&format!("{mark}{} = {value}", field.key));
    }

    fn comment(&mut self, doc: &[&str]) {
        for line in doc {
            self.line(&format!("#{line}"));
        }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// Writes the reference of a table's keys, then of the tables within it.
fn describe(text: &mut String, name: &str, fields: &[Field]) {
    let values = fields.iter().filter_map(|field| match &field.form {
        Form::Value { shape, presence } => Some(item(field, shape, presence)),
        Form::Table { .. } => None,
    });
    let items: String = values.collect();
    if !items.is_empty() {
        text.push_str(&format!("\n{items}"));
    }
    for field in fields {
        let Form::Table { doc, fields, many, is_present } = &field.form else { continue };
        let name = join(name, field.key);
        let needed = match (many, is_present) {
            (true, true) => "At least one is required. ",
            (true, false) => "Any number. ",
            (false, true) => "",
            (false, false) => "Optional. ",
        };
        let doc = doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n");
        text.push_str(&format!("\n## `{}`\n\n{needed}{doc}\n", header(&name, *many)));
        describe(text, &name, fields);
    }
}

/// One key of the reference.
fn item(field: &Field, shape: &Shape, presence: &Presence) -> String {
    let presence = match presence {
        Presence::Required { example } => format!("**required**, for example `{example}`"),
        Presence::Default(value) => format!("default `{value}`"),
        Presence::Optional { example } => format!("optional, for example `{example}`"),
    };
    let doc: String = field.doc.iter().map(|line| format!("  {}\n", line.trim())).collect();
    format!("- `{}`: {}; {presence}.\n{doc}", field.key, words(shape))
}

/// What is allowed, in words.
fn words(shape: &Shape) -> String {
    match shape {
        Shape::Flag => "true or false".to_owned(),
        Shape::Whole { least, most } => {
            format!("a whole number from {} to {}", grouped(*least), grouped(*most))
        }
        Shape::Choice(list) => {
            list.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(" or ")
        }
        Shape::Text { words: text, .. } => text.clone(),
        Shape::List { of, most } => format!("a list of at most {most}, each {}", words(of)),
    }
}

fn header(name: &str, many: bool) -> String {
    if many { format!("[[{name}]]") } else { format!("[{name}]") }
}

fn join(place: &str, key: &str) -> String {
    if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") }
}

const HOMES_MAX: usize = 3;

const INTRODUCTION: &str = "\
# The configuration of Portcullis, with every default.
#
# Lines that begin with `#` and a word are settings: take the `#` away to change them. Durations carry a unit
# (ms, s, min, h, d), sizes too (B, KiB, MiB, GiB, TiB). Unknown keys are errors. `portcullis check` reads this
# file and says all that is wrong with it, and what it can and cannot protect.
";

const OUTPOST_INTRODUCTION: &str = "\
# The configuration of an outpost of Portcullis, with every default.
#
# Lines that begin with `#` and a word are settings: take the `#` away to change them. Durations carry a unit
# (ms, s, min, h, d), sizes too (B, KiB, MiB, GiB, TiB). Unknown keys are errors. `portcullis outpost --check` reads
# this file and says all that is wrong with it.
";

const REFERENCE_INTRODUCTION: &str = "\
# Configuration

`portcullis run` reads one TOML file, `portcullis.toml` unless `--config` names another. `portcullis check` shows
all errors in it at once; `portcullis check --print-default` prints it whole, with every default. For editors
there is [a JSON schema](configuration.schema.json).

Durations carry a unit (`ms`, `s`, `min` or `m`, `h`, `d`), sizes too (`B`, `KiB`, `MiB`, `GiB`, `TiB`). Unknown keys
are errors. Lists of networks take single addresses too.

This page is generated from the same lines of code that read the file.
";
