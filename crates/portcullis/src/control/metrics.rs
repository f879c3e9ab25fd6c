//! What the console shows of the gate in numbers.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use console_io::metrics::{Buckets, Exposition, catalogue};
use edge_io::{Fault, Origin, SECONDS_BUCKETS, TICK_BUCKETS};
use incident::{Availability, Figures, Users};
use model::{Group, Outcome, Tier};
use provider::Verdict as LinkVerdict;
use status_io::TargetHealth;

use super::Control;
use crate::alerts;
use crate::probing::probe_metrics;
use crate::publish;
use crate::subscribing;

impl Control {
    /// All metrics as OpenMetrics text.
    pub(super) fn exposition(&self) -> String {
        let mut out = Exposition::default();
        self.request_metrics(&mut out);
        self.gate_metrics(&mut out);
        self.connection_metrics(&mut out);
        alerts::metrics(&mut out, &self.truth.alerted());
        publish::metrics(&mut out, &self.truth.elsewhere());
        subscribing::metrics(&mut out, self.truth.mailing().map(|mailing| mailing.figures()).as_ref());
        out.finish()
    }

    fn request_metrics(&self, out: &mut Exposition) {
        let (site, counters) = (self.site_name.as_str(), &self.shared.counters);
        let cells = || Tier::ALL.into_iter().flat_map(|tier| Outcome::ALL.map(|outcome| (tier, outcome)));
        out.counter(
            &catalogue::REQUESTS,
            cells().map(|(tier, outcome)| {
                (
                    [site, tier.label(), outcome.label()],
                    counters.iter().map(|c| c.requests(tier, outcome)).sum(),
                )
            }),
        );
        out.counter(
            &catalogue::WOULD_REFUSE,
            cells().map(|(tier, outcome)| {
                (
                    [site, tier.label(), outcome.label()],
                    counters.iter().map(|c| c.would_refuse(tier, outcome)).sum(),
                )
            }),
        );
        let seconds: Vec<(Tier, Vec<u64>, f64)> =
            Tier::ALL.into_iter().map(|tier| self.seconds(tier)).collect();
        out.histogram(
            &catalogue::REQUEST_SECONDS,
            seconds.iter().map(|(tier, counts, sum)| {
                ([tier.label()], Buckets { bounds: &SECONDS_BUCKETS, counts, sum: *sum })
            }),
        );
    }

    fn seconds(&self, tier: Tier) -> (Tier, Vec<u64>, f64) {
        let mut totals = vec![0; SECONDS_BUCKETS.len() + 1];
        let mut nanos = 0_u64;
        for counters in &self.shared.counters {
            let (counts, sum) = counters.seconds(tier);
            totals.iter_mut().zip(counts).for_each(|(total, count)| *total += count);
            nanos += sum;
        }
        (tier, totals, Duration::from_nanos(nanos).as_secs_f64())
    }

    fn gate_metrics(&self, out: &mut Exposition) {
        let (site, slots) = (self.site_name.as_str(), self.site.slots());
        let coverage = self.site.registry().coverage(self.site.pass_time());
        let ratio = number(coverage.aged + coverage.young) / number(coverage.confirmed.max(1));
        out.gauge(&catalogue::GATE_LEVEL, [([site], f64::from(self.site.level().number()))]);
        out.gauge(&catalogue::CONCURRENCY_LIMIT, [([site], self.desk.limit().0)]);
        let groups = [
            (Group::Admin, "t0"),
            (Group::Known, "t1"),
            (Group::Login, "t3"),
            (Group::Ticket, "t4"),
            (Group::Unknown, "t5"),
        ];
        out.gauge(
            &catalogue::INFLIGHT,
            groups.map(|(group, tier)| ([site, tier], f64::from(slots.inflight(group)))),
        );
        let ticks = self.shared.ticks();
        let (bounds, counts, sum) = (&TICK_BUCKETS[..], &ticks.counts[..], ticks.sum.as_secs_f64());
        out.histogram(&catalogue::TICK_SECONDS, [([] as [&str; 0], Buckets { bounds, counts, sum })]);
        let age = self.site.decision_age(self.clock.now()).as_secs_f64();
        out.gauge(&catalogue::DECISION_AGE, [([site], age)]);
        out.gauge(&catalogue::KNOWN_COVERAGE, [([site], ratio)]);
        out.counter(&catalogue::PASSES_MINTED, [([site], self.sum(|c| c.minted.load(Relaxed)))]);
        let overflow = admission::limits::TableName::ALL
            .map(|table| ([table.label()], self.site.ladder().overflows(table)));
        out.counter(&catalogue::LIMITER_OVERFLOW, overflow);
        let overflow = self.site.challenge_overflows().map(|(table, times)| ([table], times));
        out.counter(&catalogue::CHALLENGE_OVERFLOW, overflow);
        out.gauge(&catalogue::ENFORCED, [([site], f64::from(self.orders.enforced()) / 100.0)]);
        out.gauge(&catalogue::BYPASS, [([] as [&str; 0], f64::from(u8::from(self.site.is_bypassed())))]);
    }

    fn connection_metrics(&self, out: &mut Exposition) {
        let states = [
            ("idle", self.sum(|c| c.idle.load(Relaxed))),
            ("handshaking", self.sum(|c| c.handshaking.load(Relaxed))),
            ("active", self.sum(|c| c.active.load(Relaxed))),
            ("stream", self.sum(|c| c.stream.load(Relaxed))),
        ];
        out.gauge(&catalogue::CONNECTIONS, states.map(|(state, count)| ([state], number(count))));
        let none: [&str; 0] = [];
        out.counter(&catalogue::CONNECTIONS_ACCEPTED, [(none, self.sum(|c| c.accepted.load(Relaxed)))]);
        out.counter(&catalogue::CONNECTIONS_TURNED_AWAY, [(none, self.sum(|c| c.turned_away.load(Relaxed)))]);
        out.counter(&catalogue::CONNECTIONS_EVICTED, [(none, self.sum(|c| c.evicted.load(Relaxed)))]);
        self.origin_metrics(out);
        let handshakes = [
            (["completed"], self.sum(|c| c.handshakes.load(Relaxed))),
            (["failed"], self.sum(|c| c.handshakes_failed.load(Relaxed))),
        ];
        out.counter(&catalogue::TLS_HANDSHAKES, handshakes);
        out.gauge(&catalogue::CERTIFICATE_EXPIRY, self.expiries());
        let malformed =
            Fault::ALL.map(|fault| ([fault.label()], self.sum(|c| c.malformed[fault.index()].load(Relaxed))));
        out.counter(&catalogue::MALFORMED, malformed);
        out.counter(&catalogue::LOG_BYTES, [(none, self.access.counters().bytes)]);
        let dropped = self.access.counters().dropped_lines;
        let reasons = ["budget", "queue", "disk", "oversize"];
        out.counter(
            &catalogue::LOG_DROPPED,
            reasons.iter().zip(dropped).map(|(reason, lines)| ([*reason], lines)),
        );
        out.counter(&catalogue::RECORDING_STEPS_LOST, [(none, self.memory.steps_lost())]);
        let open = u32::try_from(self.truth.open()).unwrap_or(u32::MAX);
        out.gauge(&catalogue::INCIDENT_OPEN, [([self.site_name.as_str()], f64::from(open))]);
        let figures = super::lock(&self.availability).each_ref().map(Availability::figures);
        let shares = Users::ALL.into_iter().zip(figures).flat_map(|(users, Figures { hour, day, .. })| {
            let shares = [("1h", hour), ("24h", day)].into_iter();
            shares.filter_map(move |(window, share)| Some(([users.name(), window], share?)))
        });
        out.gauge(&catalogue::AVAILABILITY, shares);
        let folders = self.folders.as_ref().map(|folders| folders.targets()).unwrap_or_default();
        let lag = |target: &TargetHealth| target.behind.unwrap_or_default().as_secs_f64();
        out.gauge(
            &catalogue::PUBLISH_LAG,
            folders.iter().map(|target| ([target.name.as_str()], lag(target))),
        );
        let aged =
            folders.iter().filter_map(|target| Some(([target.name.as_str()], target.age?.as_secs_f64())));
        out.gauge(&catalogue::PUBLISH_AGE, aged);
        out.counter(&catalogue::INCIDENT_SECONDS_LOST, [(none, self.truth.missed())]);
        let (now, probing) = (self.clock.now(), &self.probing);
        let outside = probing.senses(now).outside();
        let (used, finding) = self.host.link_now(probing);
        out.gauge(&catalogue::LINK_INBOUND, used.map(|bits| (none, number(bits))));
        let is_said = |verdict| f64::from(u8::from(verdict == finding.verdict));
        out.gauge(&catalogue::LINK_VERDICT, LinkVerdict::ALL.map(|said| ([said.name()], is_said(said))));
        probe_metrics(out, &probing.board(), probing.hears_outpost(now), outside, now);
    }

    /// Each name once: the certificate of two listeners, or beside one with another kind of key, ends first of all.
    fn expiries(&self) -> Vec<([String; 1], f64)> {
        let mut first = BTreeMap::new();
        for life in self.shared.tls.iter().flat_map(|tls| tls.lives()) {
            let seconds = number(life.not_after.as_secs());
            first.entry(life.name).and_modify(|ends: &mut f64| *ends = ends.min(seconds)).or_insert(seconds);
        }
        first.into_iter().map(|(name, ends)| ([name], ends)).collect()
    }

    fn origin_metrics(&self, out: &mut Exposition) {
        let (origins, now) = (&self.shared.origins, self.clock.now());
        let named = |value: &dyn Fn(&Origin) -> f64| {
            origins
                .iter()
                .map(|origin| ([origin.settings().authority.clone()], value(origin)))
                .collect::<Vec<_>>()
        };
        out.gauge(&catalogue::ORIGIN_UP, named(&|origin| f64::from(u8::from(origin.is_available(now)))));
        out.gauge(&catalogue::ORIGIN_CONNECTIONS, named(&|origin| f64::from(origin.connections())));
        let taken_back = origins.iter().map(Origin::taken_back).sum();
        out.counter(&catalogue::ORIGIN_CONNECTIONS_TAKEN_BACK, [([] as [&str; 0], taken_back)]);
    }

    fn sum(&self, cell: impl Fn(&edge_io::Counters) -> u64) -> u64 {
        self.shared.counters.iter().map(cell).sum()
    }
}

fn number(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts shown to people")]
    let number = count as f64;
    number
}
