//! Stories: a real record of incidents, receivers that answer as they are told to, and what reaches them.

mod bodies;
mod clocks;
mod crashes;
mod stories;

use std::time::Duration;

use incident::{
    Act, Alert, Cause, Civil, ComponentSetting, Counts, Door, Engine, Moment, Record, Settings, Sight,
    SignalSetting, Status, Watches,
};
use model::{Instant, Level, Timestamp};

use crate::notice::{Notice, What};
use crate::*;

/// A gate, its record, and those who are alerted; it begins at 14:30 UTC.
struct Story {
    engine: Engine,
    post: Post,
    receivers: Vec<Receiver>,
    moment: Moment,
    records: Vec<Record>,
    changes: Vec<Change>,
    /// What was sent: when, to whom, and what.
    sent: Vec<String>,
    /// What the receiver at each place answers.
    answers: Vec<Answer>,
    /// Alerts of other systems that are believed.
    believed: Vec<SignalSetting>,
}

impl Story {
    fn begin(receivers: Vec<Receiver>) -> Self {
        let moment = Moment { now: Instant::from_secs(1_000), wall: Timestamp::from_secs(1_795_876_200) };
        let mut story = Self {
            engine: Engine::new(settings()),
            post: Post::new(sender(), receivers.clone()),
            answers: vec![ok(); receivers.len()],
            believed: Vec::new(),
            receivers,
            moment,
            records: Vec::new(),
            changes: Vec::new(),
            sent: Vec::new(),
        };
        story.see(60, &well());
        story
    }

    /// So many seconds of the same.
    fn see(&mut self, seconds: u64, sight: &Sight) {
        for _ in 0..seconds {
            self.pass(1);
            self.post.beat(self.moment.now);
            let records = self.engine.see(sight, self.moment);
            self.hear(records);
            self.carry();
        }
    }

    /// Nobody looks for so many seconds.
    fn pass(&mut self, seconds: u64) {
        let passed = Duration::from_secs(seconds);
        (self.moment.now, self.moment.wall) = (self.moment.now + passed, self.moment.wall + passed);
    }

    fn act(&mut self, act: Act) {
        let records = self.engine.act(act, None, "user 1000", self.moment).unwrap();
        self.hear(records);
        self.carry();
    }

    fn hear(&mut self, records: Vec<Record>) {
        if !records.is_empty() {
            self.changes.extend(self.post.hear(&records, self.moment));
            self.records.extend(records);
        }
    }

    /// What can be sent now is sent.
    fn carry(&mut self) {
        for place in 0..self.receivers.len() {
            loop {
                match self.post.next(place, self.moment) {
                    Next::Wait(_) => break,
                    Next::Over(change) => self.changes.push(change),
                    Next::Send(parcel) => {
                        let time = &Civil::of(self.moment.wall).rfc3339()[11..19];
                        let name = &self.receivers[place].name;
                        self.sent.push(format!("{time} {name}: {}", shown(&parcel)));
                        let answer = self.answers[place].clone();
                        self.changes.extend(self.post.settle(place, &answer, self.moment));
                    }
                }
            }
        }
    }

    fn sent(&self) -> String {
        self.sent.join("\n")
    }
}

/// A parcel in a line: its kind and what tells it from others.
fn shown(parcel: &Parcel) -> String {
    let (headers, body) = match parcel {
        Parcel::Mail { bytes, .. } => {
            let text = String::from_utf8_lossy(bytes).replace("\r\n ", " ");
            let subject = text.lines().find(|line| line.starts_with("Subject: ")).unwrap_or_default();
            return subject.to_owned();
        }
        Parcel::Http { method: "GET", .. } => return "asked for".to_owned(),
        Parcel::Http { headers, body, .. } => (headers, body),
    };
    let json: serde_json::Value = serde_json::from_slice(body).unwrap();
    let text = |path: &str| json.pointer(path).and_then(serde_json::Value::as_str).unwrap_or_default();
    if let Some(alerts) = json.as_array() {
        let of = |alert: &serde_json::Value, key: &str| alert[key].as_str().unwrap_or_default().to_owned();
        let alerts = alerts.iter().map(|alert| {
            let labels = &alert["labels"];
            let state = if alert.get("endsAt").is_some() { "ended" } else { "fires" };
            format!("{} {} {state}", of(labels, "alertname"), of(labels, "severity"))
        });
        return alerts.collect::<Vec<_>>().join(", ");
    }
    if json.get("routing_key").is_some() {
        return format!(
            "{} {} {}",
            text("/event_action"),
            text("/payload/severity"),
            text("/payload/summary")
        );
    }
    if headers.iter().any(|(name, _)| *name == "webhook-id") {
        return format!("{} {}", text("/type"), text("/data/severity"));
    }
    text("/text").to_owned()
}

fn sender() -> Sender {
    let place = "https://shop.example/.well-known/portcullis/consent/".to_owned();
    let consent = Some(ConsentLinks { place, key: ConsentKey::new(&[7; 32]) });
    Sender { site: "shop".into(), page: Some("https://status.shop.example".into()), consent }
}

fn receiver(name: &str, way: Way) -> Receiver {
    let remind = Some(Duration::from_secs(900));
    Receiver { name: name.into(), least: Severity::Info, remind, per_minute: 30, way }
}

fn pager() -> Receiver {
    let way = Way::PagerDuty { url: "https://events.example".into(), key: Hidden::new("k".repeat(32)) };
    Receiver { least: Severity::Warning, ..receiver("pager", way) }
}

fn chat() -> Receiver {
    receiver("chat", Way::Slack { url: Hidden::new("https://hooks.example/secret".into()) })
}

fn hook() -> Receiver {
    let key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    receiver("hook", Way::Webhook { url: Hidden::new("https://hook.example/a?b=c".into()), key })
}

fn metrics() -> Receiver {
    let bearer = Some(Hidden::new("token".into()));
    receiver("metrics", Way::Alertmanager { url: "http://alerts.example:9093/".into(), bearer })
}

fn mail() -> Receiver {
    let (from, to) = ("gate@shop.example".into(), "ops@shop.example".into());
    receiver("mail", Way::Mail { from, to })
}

fn heartbeat() -> Receiver {
    let every = Duration::from_secs(60);
    receiver("beat", Way::Heartbeat { url: Hidden::new("https://beat.example/id".into()), every })
}

fn ok() -> Answer {
    Answer::Http { status: 202, retry_after: None, body: b"ok".to_vec() }
}

fn busy(status: u16, retry_after: Option<&str>) -> Answer {
    Answer::Http { status, retry_after: retry_after.map(Into::into), body: b"not now".to_vec() }
}

fn settings() -> Settings {
    let component = |name: &str, watches| ComponentSetting {
        name: name.into(),
        groups: Vec::new(),
        description: String::new(),
        watches,
    };
    let components = vec![component("Website", Watches::Site), component("Till", Watches::Nothing)];
    Settings::new(components, Duration::from_secs(120))
}

fn well() -> Sight {
    let served = Counts { all: 50, bad: 0 };
    Sight { known: served, new: served, login: Counts { all: 1, bad: 0 }, ..Sight::default() }
}

/// Attacked, and everybody is served.
fn protected() -> Sight {
    Sight { cause: Some(Cause::Attack), level: Level::Filtering, ..well() }
}

/// Newcomers are turned away, customers are served.
fn closed() -> Sight {
    let new = Counts::default();
    Sight { new, door: Door::Closed, cause: Some(Cause::Attack), level: Level::CustomersFirst, ..well() }
}

/// Nobody is served.
fn down() -> Sight {
    Sight { known: Counts { all: 50, bad: 50 }, ..closed() }
}
