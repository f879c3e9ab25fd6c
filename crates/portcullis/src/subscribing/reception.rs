//! Where readers ask for mail, confirm, choose and leave.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::{HeaderMap, Method, Request, StatusCode};
use incident::PublicId;
use model::{Net, Prefix};
use notify::subscribers::{Change, Circle, JoinError, MailAddress, Subscriber};
use notify_io::Mailing;
use status::{Fields, FormPage, Forms};
use status_io::{Received, Receiving, Reception};
use web_io::Bytes;

use super::FormsSlot;

/// Answers forms. It never says whether somebody has subscribed, unless they hold a link that was sent to them.
pub(crate) struct Desk {
    pub(crate) mailing: Arc<Mailing>,
    pub(crate) forms: FormsSlot,
    /// What comes from there says who asks.
    pub(crate) fronts: Vec<Prefix>,
}

/// An answer, or one that has to wait for the disk.
enum Answer {
    Now(StatusCode, Vec<u8>),
    /// The second page is for when the disk does not take it.
    Kept(Vec<u8>, Vec<u8>),
}

impl Reception for Desk {
    fn receive(&self, request: &Request<Bytes>, peer: SocketAddr) -> Option<Receiving> {
        let path = request.uri().path();
        let is_post = match *request.method() {
            Method::POST => true,
            Method::GET | Method::HEAD => false,
            _ => return None,
        };
        let forms = super::forms(&self.forms)?;
        let query = Fields::read(request.uri().query().unwrap_or_default().as_bytes());
        let signed = query.get("t").unwrap_or_default();
        let sent = || Fields::read(request.body());
        let answer = match (path, is_post) {
            ("/subscribe", true) => self.ask(&forms, &sent(), self.network(request.headers(), peer)),
            ("/subscribe/confirm", false) => self.show_confirm(&forms, signed),
            ("/subscribe/confirm", true) => self.confirm(&forms, signed),
            ("/subscription", false) => self.show_choice(&forms, signed),
            ("/subscription", true) => self.choose(&forms, signed, &sent()),
            ("/unsubscribe", false) => self.show_leave(&forms, signed),
            ("/unsubscribe", true) => self.leave(&forms, signed),
            _ => return None,
        };
        Some(self.receiving(answer))
    }
}

impl Desk {
    fn ask(&self, forms: &Forms, sent: &Fields, network: Net) -> Answer {
        let Ok(address) = sent.get("address").unwrap_or_default().parse::<MailAddress>() else {
            return page(StatusCode::BAD_REQUEST, forms, &FormPage::NoAddress);
        };
        let chosen = chosen(forms, sent);
        let asked = self
            .mailing
            .act(|circle, moment| (circle.ask(address, chosen, Some(network), moment), Vec::new()));
        match asked {
            Ok(_) => page(StatusCode::OK, forms, &FormPage::Asked),
            Err(_) => page(StatusCode::TOO_MANY_REQUESTS, forms, &FormPage::Busy),
        }
    }

    fn show_confirm(&self, forms: &Forms, link: &str) -> Answer {
        let is_good = self.look(|circle, now| circle.is_invited(link, now));
        if is_good { page(StatusCode::OK, forms, &FormPage::Confirm { link }) } else { no_link(forms) }
    }

    fn confirm(&self, forms: &Forms, link: &str) -> Answer {
        self.change(forms, &FormPage::Joined, |circle, moment| circle.confirm(link, moment))
    }

    fn show_choice(&self, forms: &Forms, handle: &str) -> Answer {
        let chosen = self.look(|circle, _| circle.holder(handle).map(|person| person.chosen.clone()));
        match chosen {
            Some(chosen) => page(StatusCode::OK, forms, &FormPage::Choose { handle, chosen: &chosen }),
            None => no_link(forms),
        }
    }

    fn choose(&self, forms: &Forms, handle: &str, sent: &Fields) -> Answer {
        let chosen = chosen(forms, sent);
        self.change(forms, &FormPage::Chosen, |circle, moment| circle.choose(handle, chosen, moment))
    }

    fn show_leave(&self, forms: &Forms, handle: &str) -> Answer {
        let (is_good, is_there) =
            self.look(|circle, _| (circle.is_handle(handle), circle.holder(handle).is_some()));
        match (is_good, is_there) {
            (false, _) => no_link(forms),
            (true, true) => page(StatusCode::OK, forms, &FormPage::Leave { handle }),
            (true, false) => page(StatusCode::OK, forms, &FormPage::Left),
        }
    }

    /// With a button, or by a mail program with one click (RFC 8058), whose body says no more than that.
    fn leave(&self, forms: &Forms, handle: &str) -> Answer {
        self.change(forms, &FormPage::Left, |circle, _| circle.leave(handle))
    }

    /// Changes something; whoever asked hears that it is done when it is on the disk.
    fn change(
        &self,
        forms: &Forms,
        done: &FormPage<'_>,
        change: impl FnOnce(&mut Circle, incident::Moment) -> Result<Option<Change>, JoinError>,
    ) -> Answer {
        let changed = self.mailing.act(|circle, moment| {
            if circle.is_paused() {
                return (None, Vec::new());
            }
            match change(circle, moment) {
                Ok(change) => (Some(Ok(())), change.into_iter().collect()),
                Err(error) => (Some(Err(error)), Vec::new()),
            }
        });
        match changed {
            // Another process is about to take over, and would not know of it.
            None => page(StatusCode::SERVICE_UNAVAILABLE, forms, &FormPage::Late),
            Some(Ok(())) => Answer::Kept(forms.page(done), forms.page(&FormPage::Late)),
            Some(Err(JoinError::Link)) => no_link(forms),
            Some(Err(JoinError::Busy)) => page(StatusCode::TOO_MANY_REQUESTS, forms, &FormPage::Busy),
            Some(Err(JoinError::Full)) => page(StatusCode::SERVICE_UNAVAILABLE, forms, &FormPage::Full),
        }
    }

    fn look<T>(&self, look: impl FnOnce(&Circle, model::Timestamp) -> T) -> T {
        self.mailing.act(|circle, moment| (look(circle, moment.wall), Vec::new()))
    }

    fn receiving(&self, answer: Answer) -> Receiving {
        let mailing = self.mailing.clone();
        Box::pin(async move {
            let (status, page) = match answer {
                Answer::Now(status, page) => (status, page),
                Answer::Kept(done, late) => {
                    let settled = tokio::task::spawn_blocking(move || mailing.settle()).await;
                    match settled {
                        Ok(true) => (StatusCode::OK, done),
                        Ok(false) | Err(_) => (StatusCode::SERVICE_UNAVAILABLE, late),
                    }
                }
            };
            Received { status, page: page.into() }
        })
    }

    /// Where somebody asks from: what a front says last, else whoever is connected.
    fn network(&self, headers: &HeaderMap, peer: SocketAddr) -> Net {
        let peer = peer.ip().to_canonical();
        let is_front = self.fronts.iter().any(|front| front.contains(peer));
        let named = headers.get_all(FORWARDED_FOR).iter().next_back().filter(|_| is_front);
        let named =
            named.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse::<IpAddr>().ok());
        Net::network(named.map_or(peer, |address| address.to_canonical()))
    }
}

/// What was ticked, and is there; more than one may choose is as good as all.
fn chosen(forms: &Forms, sent: &Fields) -> Vec<PublicId> {
    let ids = sent.all("c").filter_map(|id| id.parse().ok()).filter(|id| forms.offers(*id));
    let ids: Vec<PublicId> = ids.collect();
    if ids.len() > Subscriber::CHOSEN_MAX { Vec::new() } else { ids }
}

fn no_link(forms: &Forms) -> Answer {
    page(StatusCode::NOT_FOUND, forms, &FormPage::NoLink)
}

fn page(status: StatusCode, forms: &Forms, what: &FormPage<'_>) -> Answer {
    Answer::Now(status, forms.page(what))
}

const FORWARDED_FOR: &str = "x-forwarded-for";
