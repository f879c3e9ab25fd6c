//! Rules: what a request must look like to be refused, challenged or put last.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Attribute, Attributes, Finite, Instant, Tier, Values};

/// Conditions in one rule at most (decision-science, section 6: order-4 conjunctions).
pub const CONDITIONS_MAX: usize = 4;

/// Rules that exist at the same time at most, in shadow or armed.
pub const RULES_MAX: usize = 8;

/// Values in the dictionary of one attribute at most.
pub const DICTIONARY_MAX: usize = 4_096;

/// What one condition asks of an attribute.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
pub enum Test {
    /// It has this value.
    Is(u64),
    /// It has a value that is not among those seen often in calm.
    New,
}

/// A condition on one attribute.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
pub struct Condition {
    /// Of which attribute.
    pub attribute: Attribute,
    /// What is asked.
    pub test: Test,
}

impl Condition {
    /// Whether it may be held against a client of this tier: that it comes from where nobody came from in calm, not against T3, since
    /// the login lane is there for new addresses.
    pub const fn concerns(self, tier: Tier) -> bool {
        let is_origin =
            matches!(self.attribute, Attribute::Network | Attribute::WideNetwork | Attribute::Country);
        !(is_origin && matches!(self.test, Test::New) && matches!(tier, Tier::T3))
    }
}

/// What becomes of a request that a rule matches, mildest first. On whom it acts: [`Rules::acting`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
pub enum Action {
    /// It is judged as T6.
    Demote,
    /// It must show that it keeps cookies and can wait.
    Challenge,
    /// It is refused with 403.
    Block,
}

impl Action {
    /// The word that an admin reads.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Demote => "put last",
            Self::Challenge => "challenge",
            Self::Block => "refuse",
        }
    }
}

/// A synthesised signature.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Rule {
    /// Counts up with each rule of a site, and stands in references; 0 is no rule.
    pub id: u16,
    /// All must hold; at least one, at most [`CONDITIONS_MAX`], sorted.
    pub conditions: Vec<Condition>,
    /// What happens to a match.
    pub action: Action,
    /// Whether it acts; before that its matches are only counted.
    pub armed: bool,
    /// It ends then unless a later decision holds it again.
    pub expires: Instant,
    /// Upper bound of the share of calm requests that it matches (Clopper–Pearson, 95 %).
    pub collateral_calm: Finite,
    /// Upper bound of the share of known clients' requests that it would match, were they not exempt.
    pub collateral_known: Finite,
}

impl Rule {
    /// Whether all that it asks may be held against a client of this tier.
    pub fn concerns(&self, tier: Tier) -> bool {
        self.conditions.iter().all(|condition| condition.concerns(tier))
    }
}

/// The rules in force.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// At most [`RULES_MAX`].
    pub rules: Vec<Rule>,
    /// What was seen often in calm.
    pub calm: Arc<Dictionary>,
}

impl Rules {
    /// The attributes that any of them asks for.
    pub fn asked(&self) -> Attributes {
        let conditions = self.rules.iter().flat_map(|rule| &rule.conditions);
        conditions.fold(Attributes::default(), |all, condition| all.with(condition.attribute))
    }

    /// The armed rule that acts on a client of this tier: the first that matches of the harshest action that any matching rule has.
    /// None acts on T0 to T2, and none that does not concern it ([`Rule::concerns`]).
    pub fn acting(&self, values: &Values, tier: Tier, now: Instant) -> Option<&Rule> {
        if tier.is_known() {
            return None;
        }
        let armed = self.rules.iter().filter(|rule| rule.armed && now < rule.expires);
        let armed = armed.filter(|rule| rule.concerns(tier));
        armed.filter(|rule| self.matches(rule, values)).fold(None, |best: Option<&Rule>, rule| match best {
            Some(best) if best.action >= rule.action => Some(best),
            _ => Some(rule),
        })
    }

    /// Whether a rule matches, armed or not.
    pub fn matches(&self, rule: &Rule, values: &Values) -> bool {
        !rule.conditions.is_empty()
            && rule.conditions.iter().all(|condition| self.calm.holds(*condition, values))
    }
}

/// For each attribute the values that were seen often in calm.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Dictionary {
    /// Sorted; an attribute whose list is empty has not been learnt, and nothing is new in it.
    values: Vec<Vec<u64>>,
}

impl Dictionary {
    /// A dictionary of these values for each attribute in the order of [`Attribute::ALL`]; each is cut to
    /// [`DICTIONARY_MAX`] of them.
    pub fn new(mut values: Vec<Vec<u64>>) -> Self {
        values.resize(Attribute::COUNT, Vec::new());
        for list in &mut values {
            list.truncate(DICTIONARY_MAX);
            list.sort_unstable();
            list.dedup();
        }
        Self { values }
    }

    /// Whether anything was learnt about an attribute; before that nothing is new in it.
    pub fn is_learnt(&self, attribute: Attribute) -> bool {
        self.values.get(attribute.index()).is_some_and(|known| !known.is_empty())
    }

    /// Whether a value of an attribute is not among those seen often in calm. Never for an absent value, or before
    /// anything was learnt.
    pub fn is_new(&self, attribute: Attribute, value: u64) -> bool {
        let known = self.values.get(attribute.index()).map_or(&[][..], Vec::as_slice);
        value != 0 && !known.is_empty() && known.binary_search(&value).is_err()
    }

    /// Whether a condition holds for a request.
    pub fn holds(&self, condition: Condition, values: &Values) -> bool {
        let value = values.get(condition.attribute);
        match condition.test {
            Test::Is(wanted) => value == wanted,
            Test::New => self.is_new(condition.attribute, value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_harshest_armed_rule_that_matches_counts() {
        let mut values = Values::default();
        values.set(Attribute::Path, 7);
        let rule = |id, path, action, armed| Rule {
            id,
            conditions: vec![Condition { attribute: Attribute::Path, test: Test::Is(path) }],
            action,
            armed,
            expires: Instant::from_secs(10),
            collateral_calm: Finite::ZERO,
            collateral_known: Finite::ZERO,
        };
        let rules = Rules {
            rules: vec![
                rule(1, 7, Action::Demote, true),
                rule(2, 7, Action::Challenge, true),
                rule(3, 7, Action::Block, false),
                rule(4, 8, Action::Block, true),
            ],
            calm: Arc::default(),
        };
        let found = |tier, at| rules.acting(&values, tier, at).map(|rule| rule.id);
        assert_eq!(found(Tier::T5, Instant::from_secs(1)), Some(2));
        assert_eq!(found(Tier::T3, Instant::from_secs(1)), Some(2), "who signs in is no exception");
        assert_eq!(found(Tier::T2, Instant::from_secs(1)), None, "nobody who is known");
        assert_eq!(found(Tier::T5, Instant::from_secs(10)), None, "all have ended");
    }

    #[test]
    fn a_rule_that_asks_for_new_origins_leaves_alone_who_signs_in() {
        for attribute in [Attribute::Network, Attribute::WideNetwork, Attribute::Country] {
            let mut values = Values::default();
            values.set(Attribute::Path, 7);
            values.set(attribute, 5);
            let mut calm = vec![Vec::new(); Attribute::COUNT];
            calm[attribute.index()] = vec![9];
            let is_path = Condition { attribute: Attribute::Path, test: Test::Is(7) };
            let rule = |id, test| Rule {
                id,
                conditions: vec![is_path, Condition { attribute, test }],
                action: Action::Block,
                armed: true,
                expires: Instant::from_secs(10),
                collateral_calm: Finite::ZERO,
                collateral_known: Finite::ZERO,
            };
            let found = |tier, test| {
                let calm = Arc::new(Dictionary::new(calm.clone()));
                let rules = Rules { rules: vec![rule(1, test)], calm };
                rules.acting(&values, tier, Instant::from_secs(1)).map(|rule| rule.id)
            };
            assert_eq!(found(Tier::T5, Test::New), Some(1), "{attribute:?}");
            assert_eq!(found(Tier::T3, Test::New), None, "{attribute:?}");
            assert_eq!(
                found(Tier::T3, Test::Is(5)),
                Some(1),
                "where the flood itself comes from: {attribute:?}"
            );
        }
    }

    #[test]
    fn nothing_is_new_before_anything_was_learnt() {
        let empty = Dictionary::default();
        assert!(!empty.is_new(Attribute::UserAgent, 5));
        let mut values = vec![Vec::new(); Attribute::COUNT];
        values[Attribute::UserAgent.index()] = vec![9, 5, 5];
        let learnt = Dictionary::new(values);
        assert!(!learnt.is_new(Attribute::UserAgent, 5));
        assert!(learnt.is_new(Attribute::UserAgent, 6));
        assert!(!learnt.is_new(Attribute::UserAgent, 0), "an absent value is nothing new");
        assert!(!learnt.is_new(Attribute::Path, 6), "of paths nothing was learnt");
        assert!(learnt.is_learnt(Attribute::UserAgent) && !learnt.is_learnt(Attribute::Path));
    }
}
