//! Who asks, confirms, changes their mind and leaves.

use incident::{Moment, PublicId};
use model::{Net, Timestamp};

use super::asking::{Asked, Busy};
use super::circle::{Circle, GOOD_FOR, INVITATIONS_MAX, Invited};
use super::link::{Invitation, SubscriberId};
use super::words::{Change, JoinError};
use super::{MailAddress, Subscriber};

impl Circle {
    /// Somebody in this network asks for mail to an address. What comes of it depends on nothing that is kept of that address, and is
    /// answered alike.
    ///
    /// # Errors
    /// [`Busy`].
    pub fn ask(
        &mut self,
        address: MailAddress,
        chosen: Vec<PublicId>,
        network: Option<Net>,
        moment: Moment,
    ) -> Result<Asked, Busy> {
        if self.invitations.len() >= INVITATIONS_MAX {
            return Err(Busy);
        }
        let asked = self.asking.ask(self.settings.key.mailbox(&address), network, moment.now)?;
        if asked == Asked::Sent {
            let until = moment.wall + GOOD_FOR;
            let invitation = Invitation { address, chosen: bounded(chosen), until };
            self.invitations.push_back(Invited { invitation, tries: 0, not_before: moment.now });
        }
        Ok(asked)
    }

    /// Whether the link of a mail can still be confirmed.
    pub fn is_invited(&self, link: &str, now: Timestamp) -> bool {
        self.opened(link, now).is_some()
    }

    /// Somebody has confirmed with the link of a mail.
    ///
    /// # Errors
    /// See [`JoinError`].
    pub fn confirm(&mut self, link: &str, moment: Moment) -> Result<Change, JoinError> {
        let Invitation { address, chosen, .. } = self.opened(link, moment.wall).ok_or(JoinError::Link)?;
        self.admit(address, chosen, moment)
    }

    /// Makes somebody a subscriber who has agreed to it, or changes what they hear of.
    ///
    /// # Errors
    /// [`JoinError::Full`].
    pub fn admit(
        &mut self,
        address: MailAddress,
        chosen: Vec<PublicId>,
        moment: Moment,
    ) -> Result<Change, JoinError> {
        let id = self.settings.key.id(&address);
        let known = self.people.get(&id).map(|person| person.since);
        if known.is_none() && self.people.len() >= self.settings.most.min(Self::SUBSCRIBERS_MAX) {
            return Err(JoinError::Full);
        }
        let since = known.unwrap_or(moment.wall);
        let person = Subscriber { id, address, chosen: bounded(chosen), since, refusals: 0 };
        self.people.insert(id, person.clone());
        self.figures.joined += u64::from(known.is_none());
        Ok(Change::Joined(person))
    }

    /// Whoever holds this handle, from a mail to them.
    pub fn holder(&self, handle: &str) -> Option<&Subscriber> {
        self.people.get(&self.settings.key.whose(handle)?)
    }

    /// The holder of a handle wants to hear of other components; `None` if there is no such subscriber.
    pub fn choose(&mut self, handle: &str, chosen: Vec<PublicId>) -> Option<Change> {
        let person = self.people.get_mut(&self.settings.key.whose(handle)?)?;
        person.chosen = bounded(chosen);
        Some(Change::Joined(person.clone()))
    }

    /// The holder of a handle leaves: also where there is no such subscriber any more, so that nothing of them can have been left behind.
    /// `None` if nobody can have this handle.
    pub fn leave(&mut self, handle: &str) -> Option<Change> {
        let id = self.settings.key.whose(handle)?;
        self.drop_out(id);
        Some(Change::Left(id))
    }

    /// Erases whoever has an address; `None` if nobody has.
    pub fn remove(&mut self, address: &MailAddress) -> Option<Change> {
        let id = self.settings.key.id(address);
        self.people.contains_key(&id).then(|| {
            self.drop_out(id);
            Change::Left(id)
        })
    }

    /// Subscribers behind one, in the order of their ids.
    pub fn people_behind(&self, after: Option<SubscriberId>) -> impl Iterator<Item = &Subscriber> {
        let behind = move |id: &&SubscriberId| after.is_none_or(|after| **id > after);
        self.people.iter().skip_while(move |(id, _)| !behind(id)).map(|(_, person)| person)
    }

    fn opened(&self, link: &str, now: Timestamp) -> Option<Invitation> {
        self.settings.key.open(link).filter(|invitation| now <= invitation.until)
    }
}

fn bounded(mut chosen: Vec<PublicId>) -> Vec<PublicId> {
    chosen.sort_unstable();
    chosen.dedup();
    chosen.truncate(Subscriber::CHOSEN_MAX);
    chosen
}
