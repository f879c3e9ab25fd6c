//! What a key of a table is: required, with a default, optional, or a table of its own.

use std::marker::PhantomData;

use toml::de::{DeTable, DeValue};

use crate::finding::Problems;
use crate::kinds::{Found, Kind, Shape};
use crate::walk::Walk;

/// A table of the configuration, as [`settings!`] declares it.
pub(crate) trait Section: Sized {
    /// What it is for, line by line.
    const DOC: &'static [&'static str];

    /// Its keys, in order.
    fn fields() -> Vec<Field>;

    /// Reads it. What is bad or missing is noted, and read as its default or example, so that reading goes
    /// on.
    fn read(walk: &mut Walk<'_>) -> Self;

    /// The table with every default, and the examples of its required keys.
    fn example() -> Self {
        // What is missing is noted in vain: it is what the examples are for.
        Walk::whole(&DeTable::new(), &mut Problems::default())
    }
}

/// One key, described.
pub(crate) struct Field {
    pub(crate) key: &'static str,
    pub(crate) doc: &'static [&'static str],
    pub(crate) form: Form,
}

/// What a key holds, described.
pub(crate) enum Form {
    /// A value.
    Value { shape: Shape, presence: Presence },
    /// A table, or several.
    Table {
        doc: &'static [&'static str],
        fields: Vec<Field>,
        many: bool,
        /// Whether the configuration has it without being told.
        is_present: bool,
    },
}

/// Whether a key must be there; the texts are TOML.
pub(crate) enum Presence {
    Required { example: String },
    Default(String),
    Optional { example: String },
}

/// A key of a table.
pub(crate) trait Entry {
    /// What the struct holds.
    type Value;

    /// What the key holds, described.
    fn form(&self) -> Form;

    /// Reads it.
    fn read(&self, walk: &mut Walk<'_>, key: &'static str) -> Self::Value;
}

/// A key that must be there.
pub(crate) struct Required<K> {
    example: &'static str,
    kind: K,
}

/// A key with a default.
pub(crate) struct Defaulted<K> {
    default: &'static str,
    kind: K,
}

/// A key that may be left out.
pub(crate) struct Optional<K> {
    example: &'static str,
    kind: K,
}

/// A table that is there with its defaults when nobody writes it.
pub(crate) struct Always<T>(PhantomData<T>);

/// A table that may be left out.
pub(crate) struct Perhaps<T>(PhantomData<T>);

/// Any number of tables within bounds.
pub(crate) struct Several<T> {
    least: usize,
    most: usize,
    beyond: &'static str,
    of: PhantomData<T>,
}

/// A key that must be there, and a value to show.
pub(crate) const fn required<K>(example: &'static str, kind: K) -> Required<K> {
    Required { example, kind }
}

/// A key with its default.
pub(crate) const fn default<K>(default: &'static str, kind: K) -> Defaulted<K> {
    Defaulted { default, kind }
}

/// A key that may be left out, and a value to show.
pub(crate) const fn optional<K>(example: &'static str, kind: K) -> Optional<K> {
    Optional { example, kind }
}

/// A table that is there with its defaults when nobody writes it.
pub(crate) const fn table<T>() -> Always<T> {
    Always(PhantomData)
}

/// A table that may be left out.
pub(crate) const fn optional_table<T>() -> Perhaps<T> {
    Perhaps(PhantomData)
}

/// At least `least` tables, 0 or 1, and at most `most`; `beyond` says what to do when more are needed.
pub(crate) const fn tables<T>(least: usize, most: usize, beyond: &'static str) -> Several<T> {
    Several { least, most, beyond, of: PhantomData }
}

impl<K: Kind> Entry for Required<K> {
    type Value = K::Value;

    fn form(&self) -> Form {
        let presence = Presence::Required { example: self.kind.toml(self.example) };
        Form::Value { shape: self.kind.shape(), presence }
    }

    fn read(&self, walk: &mut Walk<'_>, key: &'static str) -> K::Value {
        if !walk.has(key) {
            walk.miss(key, &self.kind.toml(self.example));
        }
        walk.value(key, &self.kind).unwrap_or_else(|| built_in(&self.kind, self.example))
    }
}

impl<K: Kind> Entry for Defaulted<K> {
    type Value = K::Value;

    fn form(&self) -> Form {
        Form::Value { shape: self.kind.shape(), presence: Presence::Default(self.kind.toml(self.default)) }
    }

    fn read(&self, walk: &mut Walk<'_>, key: &'static str) -> K::Value {
        walk.value(key, &self.kind).unwrap_or_else(|| built_in(&self.kind, self.default))
    }
}

impl<K: Kind> Entry for Optional<K> {
    type Value = Option<K::Value>;

    fn form(&self) -> Form {
        let presence = Presence::Optional { example: self.kind.toml(self.example) };
        Form::Value { shape: self.kind.shape(), presence }
    }

    fn read(&self, walk: &mut Walk<'_>, key: &'static str) -> Self::Value {
        walk.value(key, &self.kind)
    }
}

impl<T: Section> Entry for Always<T> {
    type Value = T;

    fn form(&self) -> Form {
        describe::<T>(false, true)
    }

    fn read(&self, walk: &mut Walk<'_>, key: &'static str) -> T {
        walk.table(key).unwrap_or_else(T::example)
    }
}

impl<T: Section> Entry for Perhaps<T> {
    type Value = Option<T>;

    fn form(&self) -> Form {
        describe::<T>(false, false)
    }

    fn read(&self, walk: &mut Walk<'_>, key: &'static str) -> Option<T> {
        walk.table(key)
    }
}

impl<T: Section> Entry for Several<T> {
    type Value = Vec<T>;

    fn form(&self) -> Form {
        describe::<T>(true, self.least > 0)
    }

    fn read(&self, walk: &mut Walk<'_>, key: &'static str) -> Vec<T> {
        let mut read = walk.tables(key, self.most, self.beyond);
        if read.len() < self.least {
            walk.miss_table(key);
            read.push(T::example());
        }
        read
    }
}

fn describe<T: Section>(many: bool, is_present: bool) -> Form {
    Form::Table { doc: T::DOC, fields: T::fields(), many, is_present }
}

/// Reads a default or an example as if it stood in the file.
fn built_in<K: Kind>(kind: &K, plain: &str) -> K::Value {
    let text = kind.toml(plain);
    let value = DeValue::parse(&text).expect("defaults and examples are TOML");
    let read = kind.read(Found { value: &value, path: "" }, &mut Problems::default());
    read.expect("defaults and examples are good values")
}

/// What a key holds, described; `V` lets the field's type say what table is meant.
pub(crate) fn form_of<V>(entry: &impl Entry<Value = V>) -> Form {
    entry.form()
}

/// Reads a key; `V` as in [`form_of`].
pub(crate) fn read_as<V>(entry: &impl Entry<Value = V>, walk: &mut Walk<'_>, key: &'static str) -> V {
    entry.read(walk, key)
}

/// Declares a table of the configuration: its struct, and from the same lines how it is read and described.
///
/// The doc comments are the manual. A key is called like its field unless another name is given in
/// parentheses.
macro_rules! settings {
    (
        $(#[doc = $doc:literal])+
        pub struct $name:ident {
            $( $(#[doc = $field_doc:literal])+ $field:ident $(($key:literal))?: $type:ty = $entry:expr; )*
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $( $(#[doc = $field_doc])+ pub $field: $type, )*
        }

        impl $crate::entry::Section for $name {
            const DOC: &'static [&'static str] = &[$($doc),+];

            fn fields() -> Vec<$crate::entry::Field> {
                vec![ $( $crate::entry::Field {
                    key: $crate::entry::settings!(@key $field $($key)?),
                    doc: &[$($field_doc),+],
                    form: $crate::entry::form_of::<$type>(&$entry),
                } ),* ]
            }

            fn read(walk: &mut $crate::walk::Walk<'_>) -> Self {
                walk.refuse_others(&[$( $crate::entry::settings!(@key $field $($key)?) ),*]);
                $( let $field = $crate::entry::read_as::<$type>(
                    &$entry, walk, $crate::entry::settings!(@key $field $($key)?)
                ); )*
                Self { $($field),* }
            }
        }
    };
    (@key $field:ident) => { stringify!($field) };
    (@key $field:ident $key:literal) => { $key };
}

pub(crate) use settings;
