//! Disks that fail on demand, and time that passes only while everybody waits.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::export::ExportError;
use crate::mirror::{PushError, Pushing};

#[tokio::test(start_paused = true)]
async fn each_page_reaches_every_folder() {
    let outer = tempfile::tempdir().unwrap();
    let folders = ["a", "b"].map(|name| Mirror::Folder(outer.path().join(name)));
    let (publisher, work) = Publisher::new(folders.to_vec(), stopped_clock());
    let running = tokio::spawn(work.run(std::future::pending()));
    publisher.publish(page(1));
    settled(&publisher, 1).await;
    publisher.publish(page(2));
    settled(&publisher, 2).await;
    for target in publisher.targets() {
        assert_eq!(std::fs::read(PathBuf::from(&target.name).join("index.html")).unwrap(), b"2");
        assert_eq!((target.exported, target.behind, &target.failure), (Some(2), None, &None));
    }
    drop(publisher);
    running.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_fails_is_tried_again_ever_later_and_holds_up_no_other() {
    let disks = Disks::new();
    let (publisher, running) = disks.publisher();
    publisher.publish(page(1));
    settled_in(&publisher, 1, "good").await;
    disks.run_for(300).await;
    assert_eq!(disks.attempts("bad"), [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
    assert_eq!(disks.attempts("good"), [0]);
    let bad = target(&publisher, "bad");
    let failure = bad.failure.unwrap();
    assert_eq!((bad.exported, bad.age, bad.behind.unwrap().as_secs()), (None, None, 300));
    assert_eq!((failure.count, failure.at.as_secs()), (10, 243));
    assert!(failure.text.contains("cannot write `bad`"), "{}", failure.text);
    disks.mend();
    disks.run_for(60).await;
    let bad = target(&publisher, "bad");
    assert_eq!((bad.exported, bad.behind, bad.failure), (Some(1), None, None));
    assert_eq!((bad.last_success.unwrap().as_secs(), bad.age.unwrap().as_secs()), (303, 57));
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn news_are_tried_within_a_second_and_only_the_newest_is_written() {
    let disks = Disks::new();
    let (publisher, running) = disks.publisher();
    publisher.publish(page(1));
    disks.run_for(40).await;
    disks.mend();
    publisher.publish(page(2));
    publisher.publish(page(3));
    disks.run_for(1).await;
    let bad = target(&publisher, "bad");
    assert_eq!((bad.exported, bad.last_success.unwrap().as_secs()), (Some(3), 40));
    assert_eq!(disks.attempts("bad"), [0, 1, 3, 7, 15, 31, 40], "page 2 was given up");
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn an_export_that_breaks_off_is_a_failure_like_others() {
    let pusher: Pusher = Arc::new(|files: Arc<Files>| -> Pushing {
        Box::pin(async move {
            if files.seq() == 1 { Err(PushError::Broken("cannot be".to_owned())) } else { Ok(()) }
        })
    });
    let (publisher, work) = Publisher::with(vec![("x".to_owned(), pusher)], stopped_clock());
    let running = tokio::spawn(work.run(std::future::pending()));
    publisher.publish(page(1));
    while publisher.targets()[0].failure.is_none() {
        a_moment().await;
    }
    assert!(publisher.targets()[0].failure.as_ref().unwrap().text.contains("a mistake of Portcullis"));
    publisher.publish(page(2));
    settled(&publisher, 2).await;
    running.abort();
}

/// Two folders, of which `bad` has no room until it is mended.
struct Disks {
    began: Instant,
    mended: Arc<AtomicU64>,
    attempts: Arc<Mutex<Vec<(&'static str, u64)>>>,
}

impl Disks {
    fn new() -> Self {
        Self { began: Instant::now(), mended: Arc::default(), attempts: Arc::default() }
    }

    fn publisher(&self) -> (Publisher, tokio::task::JoinHandle<()>) {
        let (began, mended, attempts) = (self.began, self.mended.clone(), self.attempts.clone());
        let clock: Clock = Arc::new(move || Timestamp::from_secs(began.elapsed().as_secs()));
        let now = clock.clone();
        let pusher = |name: &'static str| -> (String, Pusher) {
            let (attempts, mended, now) = (attempts.clone(), mended.clone(), now.clone());
            let pusher: Pusher = Arc::new(move |_| -> Pushing {
                attempts.lock().unwrap().push((name, now().as_secs()));
                let has_room = name != "bad" || mended.load(Ordering::SeqCst) != 0;
                Box::pin(async move {
                    let source = io::Error::from_raw_os_error(28);
                    let full = ExportError::Failed { path: name.into(), source };
                    if has_room { Ok(()) } else { Err(full.into()) }
                })
            });
            (name.to_owned(), pusher)
        };
        let (publisher, work) = Publisher::with(vec![pusher("bad"), pusher("good")], clock);
        (publisher, tokio::spawn(work.run(std::future::pending())))
    }

    fn mend(&self) {
        self.mended.store(1, Ordering::SeqCst);
    }

    /// Seconds of the attempts with a folder.
    fn attempts(&self, name: &str) -> Vec<u64> {
        let attempts = self.attempts.lock().unwrap();
        attempts.iter().filter(|(folder, _)| *folder == name).map(|(_, second)| *second).collect()
    }

    /// Lets time jump from deadline to deadline; no deadline of the loops falls on the end.
    async fn run_for(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
}

async fn settled(publisher: &Publisher, seq: u64) {
    while publisher.targets().iter().any(|target| target.exported != Some(seq)) {
        a_moment().await;
    }
}

async fn settled_in(publisher: &Publisher, seq: u64, name: &str) {
    while target(publisher, name).exported != Some(seq) {
        a_moment().await;
    }
}

fn target(publisher: &Publisher, name: &str) -> TargetHealth {
    publisher.targets().into_iter().find(|target| target.name == name).unwrap()
}

fn page(seq: u64) -> Arc<Files> {
    let mut files = Files::new(seq);
    files.insert("/", crate::Served::new(seq.to_string(), "text/html", "\"e\"")).unwrap();
    Arc::new(files)
}

fn stopped_clock() -> Clock {
    Arc::new(|| Timestamp::from_secs(1))
}

/// Ends once everybody else waits: time stands still until then.
async fn a_moment() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}
