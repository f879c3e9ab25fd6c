use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::*;

fn net(n: u32) -> Net {
    Net::network(Ipv4Addr::from_bits(0x0A00_0000 + n * 256).into())
}

fn knock(room: &Room, n: u32, secs: u64) -> Knock {
    room.knock(net(n), net(n), true, Instant::from_secs(secs))
}

#[test]
fn the_room_has_room_for_three_thousand_networks_and_then_says_that_it_is_full() {
    let room = Room::new([1; 16]);
    let refused = (0..3_000).filter(|&n| knock(&room, n, 0) == Knock::Full).count();
    assert!(refused < 100, "{refused}");
    let refused = (3_000..20_000).filter(|&n| knock(&room, n, 0) == Knock::Full).count();
    assert!(refused >= 17_000 - PLACES, "{refused}");
    assert!(room.waiting(Instant::from_secs(0)) <= PLACES);
    assert_eq!(knock(&room, 30_000, 40), Knock::Wait, "those who do not come back leave their places");
}

#[test]
fn nobody_is_drawn_twice_before_everybody_was() {
    let room = Room::new([1; 16]);
    let mut entered: BTreeMap<u32, u32> = BTreeMap::new();
    for secs in 0..100 {
        for n in 0..100 {
            if knock(&room, n, secs) == Knock::Enter {
                *entered.entry(n).or_default() += 1;
            }
        }
        room.draw(10, secs.wrapping_mul(0xABCD_EF12_3456_789B), Instant::from_secs(secs));
    }
    // Ten a second, for 99 seconds in which somebody was let in, over a hundred networks.
    let (least, most) = (entered.values().min(), entered.values().max());
    assert_eq!(entered.len(), 100);
    assert!(most.unwrap() - least.unwrap() <= 2, "{least:?} to {most:?}");
}

#[test]
fn a_draw_is_even() {
    let mut times = [0_u32; 50];
    for seed in 0..250_u64 {
        let room = Room::new([1; 16]);
        (0..50).for_each(|n| assert_eq!(knock(&room, n, 0), Knock::Wait));
        room.draw(5, seed.wrapping_mul(0x9E37_79B9_7F4A_7C15), Instant::from_secs(0));
        for n in 0..50 {
            times[n as usize] += u32::from(knock(&room, n, 1) == Knock::Enter);
        }
    }
    assert_eq!(times.iter().sum::<u32>(), 1_250);
    // 25 each, with a standard deviation of 4.7.
    assert!(times.iter().all(|&count| (5..=45).contains(&count)), "{times:?}");
}

#[test]
fn who_does_not_come_in_time_waits_for_the_next_turn() {
    let room = Room::new([1; 16]);
    knock(&room, 1, 0);
    room.draw(1, 7, Instant::from_secs(0));
    assert_eq!(knock(&room, 1, 16), Knock::Wait);
    room.draw(2, 7, Instant::from_secs(16));
    assert_eq!(knock(&room, 1, 17), Knock::Enter);
}
