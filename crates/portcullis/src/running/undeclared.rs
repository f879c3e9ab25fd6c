//! Says once that most requests come through a proxy that nobody has named, and once that they no longer do.

use std::sync::PoisonError;

use edge_io::UndeclaredFront;

use super::Running;
use crate::fronts;

impl Running {
    pub(super) fn say_undeclared_front(&self) {
        let found = self.edge.shared().undeclared_front();
        let mut told = self.undeclared_front.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(is_there) = news(&mut told, found.as_deref()) {
            match found.filter(|_| is_there) {
                Some(front) => self.events.error(format_args!("{}", fronts::undeclared(&front))),
                None => self.events.info(format_args!(
                    "no longer do most requests come through a proxy that is no [[front]]"
                )),
            }
        }
    }
}

/// Whether there is one, if that or whether it is local is new; its addresses may change from minute to minute.
fn news(told: &mut Option<bool>, found: Option<&UndeclaredFront>) -> Option<bool> {
    let is_local = found.map(|front| front.is_local);
    (std::mem::replace(told, is_local) != is_local).then_some(is_local.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_and_its_end_are_said_once_each() {
        let front = |is_local| UndeclaredFront { addresses: vec!["10.0.0.1".parse().unwrap()], is_local };
        let mut told = None;
        assert_eq!(news(&mut told, None), None);
        assert_eq!(news(&mut told, Some(&front(true))), Some(true));
        assert_eq!(news(&mut told, Some(&front(true))), None);
        assert_eq!(news(&mut told, Some(&front(false))), Some(true), "what is done about it has changed");
        assert_eq!(news(&mut told, None), Some(false));
        assert_eq!(news(&mut told, None), None);
    }
}
