//! `make bench`: the packed function beside the least that the platform allows, and beside what most write.
//!
//! Every program gets the same two events, over the same Runtime API, and calls the same ECS and ELB over TLS, all
//! of it played by this process on the loopback. The runs of all programs are interleaved. Times of one run are
//! compared with each other only: the table gives ratios, and nothing is asserted of a time.

mod measure;
mod process;
mod programs;
mod stub;
mod table;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

use crate::measure::{Event, Measured};
use crate::programs::programs;
use crate::stub::Stub;

/// Cold starts of each program for each event.
const COLD: usize = 20;
/// Cold starts at Lambda's share of a core for 128 MB.
const THROTTLED: usize = 10;
/// Warm events of each program and kind, in rounds.
const WARM: usize = 1_000;
const ROUNDS: usize = 4;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, others @ ..] = arguments.as_slice() else {
        panic!("the folder for what was measured, and NAME=PATH of other builds of the function");
    };
    let folder = Path::new(folder);
    std::fs::create_dir_all(folder).expect("a folder");
    let stub = Arc::new(Stub::start().await);
    let programs = programs(folder, &stub, others);
    let mut all: Vec<Measured> = programs.iter().map(Measured::of).collect();
    let events = [Event::Start, Event::Running];
    for round in 0..COLD {
        for event in events {
            for one in shuffled(programs.len(), round) {
                let warm = if round < ROUNDS { WARM / ROUNDS } else { 0 };
                all[one].run(&stub, &programs[one], event, warm).await;
            }
        }
    }
    for round in 0..THROTTLED {
        for event in events {
            for one in shuffled(programs.len(), round) {
                all[one].throttled(&stub, &programs[one], event).await;
            }
        }
    }
    table::print(&all);
    let file = folder.join("bench.json");
    std::fs::write(&file, table::json(&all)).expect("a file");
    println!("\nthe same as JSON: {}", file.display());
}

/// All of so many in an order of the round's own: what ran before has the caches, and is not always to be the same.
fn shuffled(many: usize, round: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..many).collect();
    order.sort_by_cached_key(|one| {
        let mut hasher = DefaultHasher::new();
        (round, one).hash(&mut hasher);
        hasher.finish()
    });
    order
}
