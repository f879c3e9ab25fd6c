//! Stories of subscribers.
