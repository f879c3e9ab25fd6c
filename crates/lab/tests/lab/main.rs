//! Tests against real processes. Each names the peers it needs; `cargo xtask test` counts those it had to skip.

mod ctl;
mod fronts;
mod gate;
mod peers;
