//! What start-engines does under load: a discrete-event simulation on the crate's own handler.
//!
//! `make simulate` runs `simulate`, `make fleet` runs `fleet`, `make cost` runs `cost`. The model is `world` and `port`;
//! its numbers and their sources are `parameters`, AWS's rates `limits`, the function's CPU `processor`; `ways` and
//! `polling` are what is compared. Must not know how the handler decides.
#![allow(clippy::expect_used, reason = "a panic is how a model fails that contradicts itself")]

mod cost;
mod figures;
mod fleet;
mod lambda;
mod limits;
mod lives;
mod parameters;
mod plot;
mod polling;
mod port;
mod processor;
mod simulate;
mod standing;
mod tasks;
mod traffic;
mod ways;
mod world;

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "usage: start-engines-load FOLDER [STARTS_PER_SECOND,.. [TARGET_GROUPS,.. [WAY,..]]]
       start-engines-load cost BENCH_JSON
       start-engines-load fleet FOLDER LIVE_TASKS,..";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    port::prepare();
    if let [word, measured] = arguments.as_slice()
        && word == "cost"
    {
        return cost::print(Path::new(measured));
    }
    if let [word, folder, sizes] = arguments.as_slice()
        && word == "fleet"
    {
        let sizes: Option<Vec<usize>> = sizes.split(',').map(|size| size.parse().ok()).collect();
        if let Some(sizes) = sizes {
            return fleet::print(Path::new(folder), &sizes);
        }
    } else if let Some(plan) = simulate::Plan::of(&arguments) {
        return simulate::print(&plan);
    }
    eprintln!("{USAGE}");
    ExitCode::from(2)
}
