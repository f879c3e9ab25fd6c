//! The gallery of messages: one small file for each kind of error, with what `portcullis check` says of it.

use std::path::{Path, PathBuf};

use config::Config;

#[test]
fn every_file_of_the_gallery_has_its_messages() {
    let files = gallery();
    assert!(files.len() >= 25, "only {} files", files.len());
    for file in files {
        let stem = file.file_stem().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        let messages = check(stem, &text);
        assert!(!messages.contains("hunter2"), "{stem} shows a secret:\n{messages}");
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(stem, messages);
        });
    }
}

/// What is said of a file: all errors, or all warnings where the name begins with `warning`.
#[track_caller]
fn check(stem: &str, text: &str) -> String {
    match (Config::parse("portcullis.toml", text), stem.starts_with("warning")) {
        (Ok((_, warnings)), true) => {
            assert!(!warnings.is_empty(), "{stem} has no warning");
            warnings.iter().map(|warning| format!("{warning}\n")).collect::<Vec<_>>().join("\n")
        }
        (Err(errors), false) => errors.to_string(),
        (Ok(_), false) => panic!("{stem} has no error"),
        (Err(errors), true) => panic!("{stem} has errors:\n{errors}"),
    }
}

fn gallery() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gallery");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the gallery is there")
        .flatten()
        .map(|entry| entry.path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    files
}
