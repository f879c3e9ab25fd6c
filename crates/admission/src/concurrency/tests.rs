use super::*;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

mod world;
use world::World;

#[test]
fn probe() {
    for servers in [4, 8, 16, 32, 64, 128, 256] {
        let mut world = World::new(servers);
        world.calm(310, 0.3);
        println!("{servers}: after calm {:?} measured {}", world.limit.limit(), world.limit.is_measured());
        let mut trace = vec![];
        for second in 0..60 {
            world.flood(1);
            if second < 10 || second % 10 == 0 { trace.push(format!("{:.1}", world.limit.limit())); }
        }
        println!("   {} {:.3?}", trace.join(" "), world.flood(60));
    }
}
