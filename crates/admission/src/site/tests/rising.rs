//! The level rises while somebody waits.

use super::*;

#[test]
fn who_only_waits_is_judged_again_when_the_level_rises() {
    let shop = Shop::new(Mode::Auto);
    let stranger = shop.identify(ask("GET /", "203.0.113.1", &[]));
    let over = Some(Reason::AddressLimit);
    assert_eq!(shop.site.reconsider(&stranger, over, shop.now), None, "in calm limits only count");
    shop.decide(Level::Limiting, Masks::OPEN, true);
    assert_eq!(shop.site.reconsider(&stranger, over, shop.now), over);
    assert_eq!(shop.site.reconsider(&stranger, None, shop.now), None);
    shop.decide(Level::CustomersFirst, Masks::OPEN.with(Tier::T5, 0), true);
    assert_eq!(shop.site.reconsider(&stranger, None, shop.now), Some(Reason::Threshold));
    let signing_in = shop.identify(ask("GET /login", "203.0.113.1", &[]));
    assert_eq!(shop.site.reconsider(&signing_in, None, shop.now), None);
    shop.site.set_mode(Mode::Observe);
    assert_eq!(shop.site.reconsider(&stranger, over, shop.now), None);
}
