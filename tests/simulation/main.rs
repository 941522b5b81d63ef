//! Deterministic simulation: the crate's real handler in a world that a seed decides.
//!
//! Thousands of tasks are started in bursts, live, fail, stop and leave their addresses to others,
//! while events come twice, late, in any order or after a redrive, calls fail in every way on
//! their way, functions die between two of them, and DescribeTasks is as stale as it may be. Time
//! is virtual. What must hold (`start_engines_core::decide` lists the five) is checked at every step.
//!
//! A seed is a story: `SEED=7 cargo test --test simulation -- --nocapture` prints that of seed 7,
//! line by line. `SEEDS=1000` runs more of them than the usual ones.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a panic is how a test fails")]

mod account;
mod calls;
mod checks;
mod delivery;
mod faults;
mod fleets;
mod function;
mod instances;
mod lives;
mod others;
mod promises;
mod reconciles;
mod searches;
mod simulation;
mod statistics;
mod stops;

use simulation::{Mutant, Report, run};
use statistics::Statistics;

/// Stories of an ordinary run.
const SEEDS: u64 = 40;
/// Within so many stories each mutant must be found out.
const SEEDS_FOR_A_MUTANT: u64 = 160;

/// What must have happened for the stories to be worth something.
const INTERESTING: [&str; 53] = [
    "AWS calls",
    "checks",
    "checks not scheduled",
    "checks that came late",
    "cold starts",
    "continued: owner_not_shown",
    "continued: owner_search",
    "late stops that went on late",
    "duplicates",
    "events lost for good",
    "exceptions of RunTask",
    "failed starts",
    "failed starts on instances",
    "fault answer lost",
    "fault crash after",
    "fault crash, lands late",
    "fault not sent",
    "fault timed out, lands late",
    "late stops",
    "late stops of reused addresses",
    "late stops of reused host ports",
    "lives",
    "lost events, redriven",
    "failure owner_not_clear",
    "host ports left to a newer task",
    "bindings not shown yet",
    "partial answers",
    "reconciled deregistrations",
    "reconciled registrations",
    "reconciles that came to their end",
    "redrives",
    "registrations of stopping tasks",
    "registrations undone",
    "replayed answers",
    "restarts",
    "schedules fired",
    "second halves lost",
    "second halves of stops of many",
    "stops of many asked for",
    "stops of many that go on",
    "stops that spared tasks",
    "stops asked for",
    "tasks found healthy",
    "tasks found unhealthy",
    "tasks stopped by a check",
    "tasks stopped by request",
    "tasks to be checked once more",
    "reused addresses",
    "reused host ports",
    "targets in their grace period",
    "starts that climbed",
    "targets left to a newer task",
    "tasks of another deployment",
];

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} must be a number")))
}

#[test]
#[expect(clippy::print_stdout, reason = "what was simulated is the result")]
fn thousands_of_lives_keep_what_is_promised() {
    if let Some(seed) = number("SEED") {
        let report = run(seed, Mutant::None, true);
        println!("{}", report.statistics);
        assert_eq!(report.broken, None, "seed {seed}");
        return;
    }
    let mut all = Statistics::default();
    for seed in 0..number("SEEDS").unwrap_or(SEEDS) {
        let Report { statistics, broken, .. } = run(seed, Mutant::None, false);
        if let Some(broken) = broken {
            panic!(
                "{}\nthe story: SEED={seed} cargo test --test simulation thousands -- --nocapture",
                broken.0
            );
        }
        all.add(&statistics);
    }
    println!("{all}");
    for what in INTERESTING {
        assert!(all.of(what) > 0, "no {what} in any story");
    }
}

/// The first seed that finds a mutant out, by this promise, prints the same story twice.
fn dies(mutant: Mutant, promise: &str) {
    let found = (0..SEEDS_FOR_A_MUTANT).find_map(|seed| {
        let report = run(seed, mutant, false);
        let broken = report.broken.as_ref();
        let is_found = broken.is_some_and(|broken| broken.0.starts_with(promise));
        is_found.then_some((seed, report))
    });
    let Some((seed, report)) = found else {
        panic!("{mutant:?} lives")
    };
    assert_eq!(report, run(seed, mutant, false), "seed {seed} has two stories");
}

#[test]
fn without_the_guard_of_late_stops_a_live_target_is_taken() {
    dies(Mutant::LateStopsLookFresh, "3");
}

#[test]
fn when_describe_tasks_lags_longer_than_assumed_a_dead_target_stays() {
    dies(Mutant::DescribeTasksLags, "1");
}

#[test]
fn when_addresses_are_reused_sooner_than_assumed_a_live_target_is_taken() {
    dies(Mutant::AddressesAreReusedAtOnce, "3");
}

#[test]
fn when_clocks_are_seconds_apart_a_live_target_is_taken() {
    dies(Mutant::ClocksDisagree, "3");
}

#[test]
fn when_nothing_is_tried_again_a_dead_target_stays() {
    dies(Mutant::NothingIsTriedAgain, "1");
}

#[test]
fn when_schedules_never_fire_a_task_that_drains_is_never_stopped() {
    dies(Mutant::SchedulesAreLost, "6");
}

#[test]
fn when_a_drain_that_is_over_is_believed_a_task_is_never_stopped() {
    dies(Mutant::DrainsNeverEnd, "6");
}

#[test]
fn when_a_stop_goes_by_when_it_is_handled_it_ends_what_was_started_after_it() {
    dies(Mutant::StopsGoByTheirHandling, "5");
}

#[test]
fn when_drains_count_from_the_request_a_task_is_ended_before_it_has_drained() {
    dies(Mutant::DrainsCountFromTheRequest, "9");
}

#[test]
fn when_the_second_half_of_a_stop_has_a_time_of_its_own_it_ends_what_was_started_after_it() {
    dies(Mutant::PiecesHaveTheirOwnTime, "5");
}

#[test]
fn when_nobody_reconciles_what_lost_events_left_undone_stays() {
    dies(Mutant::NobodyReconciles, "1");
    dies(Mutant::NobodyReconciles, "2");
}

#[test]
fn when_a_reconcile_is_shown_no_live_tasks_it_takes_their_targets() {
    dies(Mutant::ReconcilesMissWhatLives, "3");
}

#[test]
fn when_a_reconcile_that_is_tried_again_goes_by_its_first_try_a_dead_target_stays() {
    dies(Mutant::RetriesOfReconcilesLookAtNothing, "1");
}

#[test]
fn when_owners_are_known_by_their_bindings_alone_a_live_host_tasks_target_is_taken() {
    dies(Mutant::OwnersTellNoHostPorts, "3");
}

#[test]
fn when_an_instances_port_serves_another_sooner_than_assumed_a_live_target_is_taken() {
    dies(Mutant::HostPortsAreReusedAtOnce, "3");
}

#[test]
fn when_a_target_in_its_grace_period_counts_as_draining_a_dead_target_stays() {
    dies(Mutant::GracePeriodsCountAsDraining, "1");
}

#[test]
fn when_a_task_that_never_ran_looks_as_if_it_had_a_call_is_made_for_nothing() {
    dies(Mutant::FailedStartsLookAsIfTheyRan, "7");
}

#[test]
fn when_ec2_hides_interfaces_a_live_target_is_taken() {
    dies(Mutant::InterfacesAreHidden, "3");
}

#[test]
fn when_an_interface_without_a_task_is_taken_for_nobodys_at_once_a_live_target_is_taken() {
    dies(Mutant::YoungInterfacesLookOld, "3");
}

#[test]
fn when_a_late_running_event_is_believed_a_dead_target_stays() {
    dies(Mutant::LateRunningEventsAreBelieved, "1");
}

#[test]
fn when_a_deregistration_has_no_bound_a_live_target_is_taken() {
    dies(Mutant::DeregistrationsHaveNoBound, "3");
}

#[test]
fn when_a_deregistration_has_twice_its_bound_a_live_target_is_taken() {
    dies(Mutant::TheBoundIsTwice, "3");
}

#[test]
fn when_another_tasks_interface_is_taken_for_the_stopped_tasks_a_live_target_is_taken() {
    dies(Mutant::EveryInterfaceIsTheTasksOwn, "3");
}

#[test]
fn when_the_age_of_an_interface_counts_from_the_end_of_a_search_a_live_target_is_taken() {
    dies(Mutant::AgesCountFromTheEnd, "3");
}

#[test]
fn when_what_ec2_shows_after_a_search_is_not_compared_a_live_target_is_taken() {
    dies(Mutant::SecondAnswersAreNotCompared, "3");
}

#[test]
fn when_ec2_lags_longer_than_assumed_a_live_target_is_taken() {
    dies(Mutant::Ec2LagsLonger, "3");
}

#[test]
fn when_only_the_same_service_is_searched_a_live_target_is_taken() {
    dies(Mutant::OnlyTheSameServiceIsSearched, "3");
}

#[test]
fn when_ecs_shows_new_tasks_later_than_assumed_a_live_target_is_taken() {
    dies(Mutant::NewTasksAreShownLate, "3");
}

#[test]
fn when_a_task_is_stopped_sooner_after_running_than_assumed_a_dead_target_stays() {
    dies(Mutant::TasksEndAtOnce, "1");
}

#[test]
fn when_client_tokens_are_forgotten_a_start_is_done_twice() {
    dies(Mutant::ClientTokensAreForgotten, "4");
}

#[test]
fn when_deployments_know_nothing_of_each_other_one_touches_the_others_tasks() {
    dies(Mutant::DeploymentsAreStrangers, "8");
}

#[test]
fn when_a_target_that_is_still_checked_looks_unhealthy_its_task_is_stopped_for_nothing() {
    dies(Mutant::InitialLooksUnhealthy, "10");
}

#[test]
fn when_a_check_of_long_ago_looks_as_if_it_came_in_time_it_stops_a_task() {
    dies(Mutant::ChecksAreAlwaysInTime, "10");
}
