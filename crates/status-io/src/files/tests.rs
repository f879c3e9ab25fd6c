use super::*;

#[test]
fn a_path_has_one_place_in_a_folder() {
    for (path, place) in [
        ("/", "index.html"),
        ("/404.html", "404.html"),
        ("/api/v2/status.json", "api/v2/status.json"),
        ("/i/abc123", "i/abc123/index.html"),
        ("/de/", "de/index.html"),
    ] {
        assert_eq!(place_of(path).as_deref(), Some(place), "{path}");
    }
    let deep = "/a".repeat(9);
    let long = format!("/{}", "a".repeat(256));
    for path in [
        "", "a", "//", "/a//b", "/../etc", "/a/./b", "/.ssh/x", "/b", "/b/", "/b/1/x", "/a b", "/ä", "/%61",
        "/a\0", "/a\\b", "/x?y", &deep, &long,
    ] {
        assert!(matches!(insert(&mut Files::new(1), path), Err(FileError::Path { .. })), "{path}");
    }
}

#[test]
fn files_that_cannot_lie_in_one_folder_are_refused() {
    for (first, second) in [
        ("/", "/index.html"),
        ("/i/a", "/i/a/"),
        ("/i/a", "/i/a/index.html"),
        ("/x.y", "/x.y/z.html"),
        ("/x.y/z/a.b", "/x.y"),
        ("/same.txt", "/same.txt"),
    ] {
        let mut files = Files::new(1);
        insert(&mut files, first).unwrap();
        let error = insert(&mut files, second).unwrap_err();
        assert_eq!(error, FileError::Clash { path: second.into(), other: first.into() });
        assert_eq!(files.iter().count(), 1);
    }
    let mut files = Files::new(1);
    for path in ["/i", "/i/a", "/i/a.b", "/i/a-b.c", "/ia.x"] {
        insert(&mut files, path).unwrap();
    }
}

#[test]
fn headers_that_are_none_and_pages_that_are_too_large_are_refused() {
    let mut files = Files::new(1);
    let good = Served::new("x", "text/plain", "\"e\"");
    for (file, header) in [
        (Served { etag: "e".into(), ..good.clone() }, "ETag"),
        (Served { content_type: "a\r\nb: c".into(), ..good.clone() }, "Content-Type"),
        (Served { cache_control: "".into(), ..good.clone() }, "Cache-Control"),
    ] {
        assert_eq!(files.insert("/x", file).unwrap_err(), FileError::Header { path: "/x".into(), header });
    }
    files.insert("/large.txt", Served { bytes: vec![0; Files::BYTES_MAX].into(), ..good.clone() }).unwrap();
    assert_eq!(files.insert("/more.txt", good.clone()), Err(FileError::TooLarge));
    for number in 1..Files::FILES_MAX {
        files.insert(&format!("/{number}.txt"), Served { bytes: Bytes::new(), ..good.clone() }).unwrap();
    }
    assert_eq!(files.insert("/more.txt", good), Err(FileError::TooMany));
}

fn insert(files: &mut Files, path: &str) -> Result<(), FileError> {
    files.insert(path, Served::new("x", "text/plain", "\"e\""))
}
