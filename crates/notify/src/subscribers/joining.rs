//! Who asks, confirms, changes their mind and leaves.

use std::time::Duration;

use incident::{Moment, PublicId};
use model::{Net, Timestamp};

use super::asking::{Asked, Busy};
use super::circle::{Circle, GOOD_FOR, INVITATIONS_MAX, INVITED_FOR, Invited};
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
            let (not_before, until) = (moment.now, moment.now + INVITED_FOR);
            self.invitations.push_back(Invited { invitation, tries: 0, unreached: 0, not_before, until });
        }
        Ok(asked)
    }

    /// Whether the link of a mail can still be confirmed.
    pub fn is_invited(&self, link: &str, now: Timestamp) -> bool {
        self.opened(link, now).is_some()
    }

    /// Somebody has confirmed with the link of a mail; nothing is to be kept where that changes nothing.
    ///
    /// # Errors
    /// See [`JoinError`].
    pub fn confirm(&mut self, link: &str, moment: Moment) -> Result<Option<Change>, JoinError> {
        let Invitation { address, chosen, .. } = self.opened(link, moment.wall).ok_or(JoinError::Link)?;
        let id = self.settings.key.id(&address);
        let known = self.people.get(&id);
        if known.is_some_and(|known| known.chosen == chosen && known.refusals == 0) {
            return Ok(None);
        }
        self.count_act(id, moment)?;
        self.admit(address, chosen, moment).map(Some)
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

    /// Whether a handle was made here, whether or not its holder is still a subscriber.
    pub fn is_handle(&self, handle: &str) -> bool {
        self.settings.key.whose(handle).is_some()
    }

    /// Whoever holds this handle, from a mail to them.
    pub fn holder(&self, handle: &str) -> Option<&Subscriber> {
        self.people.get(&self.settings.key.whose(handle)?)
    }

    /// The holder of a handle wants to hear of other components; nothing is to be kept where that changes nothing.
    ///
    /// # Errors
    /// [`JoinError::Link`] if there is no such subscriber, and [`JoinError::Busy`].
    pub fn choose(
        &mut self,
        handle: &str,
        chosen: Vec<PublicId>,
        moment: Moment,
    ) -> Result<Option<Change>, JoinError> {
        let (id, chosen) = (self.settings.key.whose(handle).ok_or(JoinError::Link)?, bounded(chosen));
        if self.people.get(&id).ok_or(JoinError::Link)?.chosen == chosen {
            return Ok(None);
        }
        self.count_act(id, moment)?;
        let person = self.people.get_mut(&id).ok_or(JoinError::Link)?;
        person.chosen = chosen;
        Ok(Some(Change::Joined(person.clone())))
    }

    /// The holder of a handle leaves; nothing is to be kept where there is no such subscriber any more.
    ///
    /// # Errors
    /// [`JoinError::Link`] if nobody can have this handle.
    pub fn leave(&mut self, handle: &str) -> Result<Option<Change>, JoinError> {
        let id = self.settings.key.whose(handle).ok_or(JoinError::Link)?;
        Ok(self.erase(id))
    }

    /// Whoever holds a link can have what they changed written to the disk only so often, and not at the cost of the others.
    fn count_act(&mut self, who: SubscriberId, moment: Moment) -> Result<(), JoinError> {
        while let Some((at, who)) = self.acts_by_age.front().copied()
            && moment.now.since(at) >= HOUR
        {
            self.acts_by_age.pop_front();
            let left = self.acts_of.get(&who).map_or(0, |count| count.saturating_sub(1));
            if left == 0 {
                self.acts_of.remove(&who)
            } else {
                self.acts_of.insert(who, left)
            };
        }
        let acts = self.acts_of.get(&who).copied().unwrap_or_default();
        if acts >= ACTS_PER_HOUR || !self.acts.wait(moment.now).is_zero() {
            return Err(JoinError::Busy);
        }
        self.acts.spend(moment.now);
        self.acts_of.insert(who, acts + 1);
        self.acts_by_age.push_back((moment.now, who));
        Ok(())
    }

    /// Erases somebody; `None` if there is no such subscriber.
    pub fn erase(&mut self, id: SubscriberId) -> Option<Change> {
        self.people.contains_key(&id).then(|| {
            self.drop_out(id);
            Change::Left(id)
        })
    }

    /// Who has, or would have, an address.
    pub fn id(&self, address: &MailAddress) -> SubscriberId {
        self.settings.key.id(address)
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

/// Changes of one subscriber.
const ACTS_PER_HOUR: u32 = 10;
const HOUR: Duration = Duration::from_secs(3_600);
