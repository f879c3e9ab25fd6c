//! What a book takes.

use model::{Attribute, Test};

use super::super::{Proof, Share};
use super::*;

fn finding(path: u64, calm_hits: u64) -> Finding {
    let proof = Proof {
        calm: Share { hits: calm_hits, of: 8_192 },
        known: Share { hits: 0, of: 4_096 },
        matched: Finite::new(100.0),
        gained: Finite::new(100.0),
        excess: Finite::new(500.0),
        expected: Finite::new(600.0),
    };
    let conditions = vec![Condition { attribute: Attribute::Path, test: Test::Is(path) }];
    Finding { conditions, proof, forecast: Finite::new(10.0) }
}

#[test]
fn a_new_rule_must_fit_beside_the_others_be_precise_and_not_be_aside() {
    let mut claims = Vec::new();
    let aside = [(finding(9, 0).conditions, Instant::ORIGIN)];
    let mut takes = |path, hits| accept(&finding(path, hits), &aside, &mut claims);
    assert!(takes(1, 250), "at most 3.4 % of calm");
    assert!(!takes(2, 250), "twice that is more than 5 %");
    assert!(takes(3, 50), "0.8 % is left");
    assert!(!takes(9, 0), "it was set aside");
    assert!(!takes(4, 600), "48 of 100 may be calm, and it harms too many");
    assert_eq!(claims.len(), 2);
}
