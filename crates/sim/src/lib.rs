//! A seeded world of clients, attackers, origin and clock around the real cores.
//!
//! It plays scenarios, whole incidents, much faster than they happen, and the same seed plays the same world everywhere.
//! It is *not* a copy of the gate: `admission` and `guard` run in it as they run in the gate.
