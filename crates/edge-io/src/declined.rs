//! Requests that get an answer of the gate's own: what it says, and how it is counted, logged and journalled.

use admission::site::Refusal;
use http::{HeaderValue, Response};
use model::{Outcome, Reason};

use crate::access_log::Line;
use crate::answer::by_https;
use crate::body::AnswerBody;
use crate::grpc;
use crate::ledger::Refused;
use crate::page::SignIn;
use crate::refusal::{self, Refusing};
use crate::request::{Declined, Way};

impl Way {
    /// Turns a refusal or failure into an answer and counts it. (Failures of the origin are counted by the exchange.)
    pub(crate) fn decline(&self, declined: Declined) -> Response<AnswerBody> {
        let answer = match declined {
            Declined::Refused(refusal) => self.answer_refusal(&refusal),
            Declined::Unreachable => refusal::origin_unreachable(self.subject.navigation),
            Declined::Late => refusal::origin_late(self.subject.navigation),
            Declined::Bad(why) => refusal::bad_request(why),
            Declined::Remembered(answer) => {
                self.worker.counters().ended(&self.subject.identity, Outcome::Forwarded, 0);
                return *answer;
            }
        };
        if self.subject.grpc { grpc::in_its_words(answer) } else { answer }
    }

    fn answer_refusal(&self, refusal: &Refusal) -> Response<AnswerBody> {
        let worker = &self.worker;
        let tier = self.subject.identity.tier();
        self.note(refusal.reason, true);
        let kind = refusal.reason.kind();
        worker.counters().ended(&self.subject.identity, kind.into(), worker.nanos_since(self.begun));
        worker.felt(&self.subject.identity, kind.into(), worker.now());
        let reference = worker.shared().site.reference(&self.subject.identity, refusal.reason, worker.wall());
        // Only a page speaks of it, and most of a flood gets none.
        let login = if self.subject.navigation { worker.shared().site.login_page() } else { None };
        let waiting = refusal.waiting.as_ref();
        let before_rules = self.subject.identity.tier_before_rules();
        let mut answer = refusal::answer(&Refusing {
            reason: refusal.reason,
            retry_after_secs: refusal::retry_after(
                refusal.reason,
                tier,
                worker.scatter(),
                refusal.retry_after,
            ),
            reference: reference.as_str(),
            navigation: self.subject.navigation,
            waiting: waiting
                .map(|waiting| refusal::refresh(refusal.reason, before_rules, waiting.refresh_secs)),
            sign_in: SignIn::after(refusal.reason, tier, login),
        });
        if let Some(waiting) = waiting
            && let Some(cookie) = &waiting.set_cookie
            && let Ok(cookie) = HeaderValue::from_str(cookie)
        {
            answer.headers_mut().append(http::header::SET_COOKIE, by_https(cookie, self.subject.https));
        }
        if let Some(asked) = &self.subject.cors
            && let Some(cors) = worker.shared().remembered.cors_for(self.subject.path(), asked.origin())
        {
            answer.headers_mut().extend(cors);
        }
        answer
    }

    /// Logs and journals a sample of what was refused, or would have been.
    pub(crate) fn note(&self, reason: Reason, enforced: bool) {
        let worker = &self.worker;
        worker.shared().site.count_refusal(&self.subject.identity, reason, enforced);
        let Some(weight) = worker.sample_refusal(self.subject.identity.tier()) else { return };
        let subject = &self.subject;
        worker.shared().ledger.refused(&Refused {
            reason,
            tier: subject.identity.tier(),
            address: subject.address,
            path: subject.path(),
            enforced,
            mode: worker.shared().site.mode(),
            weight,
        });
        if enforced {
            self.log_refusal(reason, weight);
        }
    }

    fn log_refusal(&self, reason: Reason, weight: u32) {
        let (worker, subject) = (&self.worker, &self.subject);
        worker.log(&Line {
            at: worker.wall(),
            client: subject.address.unwrap_or(self.connection.address),
            tier: subject.identity.tier(),
            method: subject.method.as_str(),
            path: subject.path(),
            status: refusal::status(reason, subject.navigation).as_u16(),
            outcome: reason.kind().into(),
            reason: Some(reason),
            would: None,
            bytes: 0,
            micros: worker.nanos_since(self.begun) / 1_000,
            service_micros: None,
            request_id: b"",
            user_agent: subject.user_agent(),
            ja4: self.connection.ja4(),
            weight,
        });
    }
}
