//! A caching nginx before the gate: it may keep what the app allows, and never a pass or a refusal.

use std::fs;
use std::time::Duration;

use lab::{Peer, Running, free_address, need, web};

use crate::world::World;

#[test]
fn a_cache_in_front_keeps_public_files_and_never_a_pass_or_a_refusal() {
    let (world, nginx) = (need!(World::start()), need!(Peer::find("nginx")));
    let (folder, cache) = (world.folder.path().to_path_buf(), free_address());
    // As hard as a cache can be set: it keeps everything that its answers do not forbid, errors too.
    let config = format!(
        "daemon off; pid {0}/pid; error_log {0}/errors; events {{}}
         http {{ access_log off; client_body_temp_path {0}/a; proxy_temp_path {0}/b; fastcgi_temp_path {0}/c; uwsgi_temp_path {0}/d; scgi_temp_path {0}/e;
         proxy_cache_path {0}/cache keys_zone=all:1m;
         server {{ listen {cache}; location / {{ proxy_pass http://{1}; proxy_cache all; proxy_cache_valid any 1m; add_header X-Cache $upstream_cache_status always; }} }} }}",
        folder.display(),
        world.gate.listen()
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, config).expect("there is room");
    let mut command = nginx.command();
    command.arg("-c").arg(&file).arg("-p").arg(&folder);
    let _nginx =
        Running::start_and_wait(&mut command, &folder.join("nginx.log"), Duration::from_secs(20), || {
            web::accepts(cache)
        })
        .unwrap_or_else(|error| panic!("{error}"));
    let state = |path: &str| {
        let answer = web::get(cache, path, &[]).unwrap_or_else(|error| panic!("{path}: {error}"));
        (answer.status, answer.header("x-cache").unwrap_or_default().to_owned(), answer.head)
    };
    state("/file.css");
    assert_eq!(state("/file.css").1, "HIT", "the cache works at all");
    // The app itself says that this may be cached; it comes with somebody's pass.
    for _ in 0..3 {
        let (status, cached, head) = state("/in/ann");
        assert_eq!((status, cached.as_str()), (200, "MISS"), "{head}");
        assert!(
            head.to_lowercase().contains("set-cookie: __host-portcullis"),
            "each gets a pass of its own: {head}"
        );
        assert!(head.to_lowercase().contains("cache-control: private"), "{head}");
    }
    world.gate.tell(&["deny", "127.0.0.0/8"]).expect("it is told");
    let (status, cached, head) = state("/page");
    assert_eq!((status, cached.as_str()), (403, "MISS"), "{head}");
    assert_eq!(state("/page").1, "MISS", "a refusal was kept");
    world.gate.tell(&["deny", "127.0.0.0/8", "--remove"]).expect("it is told");
    assert_eq!(state("/page").0, 200);
}
