//! What words about an incident say where something else stands around them.

use incident::{Incident, Update};

/// The words without who fares how and when there will be more, where the gate wrote them and both are shown above and below.
pub(crate) fn words(incident: &Incident, update: &Update) -> String {
    if update.is_by_person || incident.audiences.is_empty() {
        return update.body.clone();
    }
    let is_shown = |line: &&str| {
        let fares =
            incident.audiences.iter().any(|(who, how)| *line == format!("{}: {}.", who.label(), how.label()));
        let is_next = incident.next_update_by.is_some() && line.starts_with("Next update by ");
        fares || is_next || *line == "At the moment:"
    };
    let lines: Vec<&str> = update.body.lines().filter(|line| !is_shown(line)).collect();
    lines.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn what_is_shown_already_is_not_said_again_and_words_of_people_are_left_alone() {
        let incident = samples::outage().incidents.swap_remove(0);
        let body = "It goes on.\n\nAt the moment:\nCustomers who have signed in before: served as usual.\nNew visitors: hardly anybody is \
                    served.\nSign in.\n\nNext update by 18:00 UTC.";
        let mut update = Update { body: body.to_owned(), is_by_person: false, ..incident.updates[0].clone() };
        assert_eq!(
            words(&incident, &update),
            "It goes on.\n\nNew visitors: hardly anybody is served.\nSign in."
        );
        update.is_by_person = true;
        assert_eq!(words(&incident, &update), body);
    }
}
