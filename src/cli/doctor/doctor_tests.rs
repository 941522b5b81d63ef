//! Each check with a world that breaks just that; and a world in which all is well.

mod of_capacity;
mod of_deployment;
mod of_network;
mod of_services;
mod of_ways_out;

use serde_json::json;
use start_engines_core::call::run_task::CapacityProvider;
use start_engines_core::domain::definition::{NetworkMode, PortMapping};
use start_engines_core::domain::task::ports::RawBinding;

use super::checks::{self, all};
use super::fact::Fact;
use super::sound::*;
use super::world::*;
use super::{Finding, Level};

fn known<T>(fact: &mut Fact<T>) -> &mut T {
    match fact {
        Fact::Known(known) => known,
        _ => panic!("the sound world knows it"),
    }
}

/// What is not well.
fn unwell(world: &World) -> Vec<Finding> {
    let mut findings = all(world);
    findings.retain(|finding| finding.level != Level::Ok);
    findings
}

/// Exactly one finding that is not ok: of this check, at this level, with this text, and a repair.
fn only(world: &World, check: &str, level: Level, text: &str) {
    let found = unwell(world);
    let [finding] = found.as_slice() else {
        panic!("{check}: expected one finding with {text:?}: {found:#?}");
    };
    assert_eq!((finding.check, finding.level), (check, level), "{finding:#?}");
    assert!(finding.message.contains(text), "{text:?}: {finding:#?}");
    assert!(level != Level::Failure || !finding.repair.is_empty(), "{finding:#?}");
}

fn broken(change: impl FnOnce(&mut World)) -> World {
    let mut world = sound();
    change(&mut world);
    world
}

fn function(world: &mut World) -> &mut Function {
    known(&mut world.deployment.function)
}

fn group(world: &mut World) -> &mut Group {
    known(world.account.groups.values_mut().next().unwrap())
}

fn balancer(world: &mut World) -> &mut Balancer {
    known(world.account.balancers.values_mut().next().unwrap())
}

fn definition(world: &mut World) -> &mut TaskFacts {
    known(world.account.definitions.values_mut().next().unwrap())
}

fn cluster(world: &mut World) -> &mut Cluster {
    known(world.account.clusters.values_mut().next().unwrap())
}

fn security_group<'w>(world: &'w mut World, id: &str) -> &'w mut SecurityGroup {
    known(world.account.security_groups.get_mut(id).unwrap())
}

fn tables(world: &mut World) -> &mut Vec<RouteTable> {
    known(world.account.routes.get_mut(VPC).unwrap())
}

/// IAM says no to this.
fn denied(action: &str, resource: &str) -> World {
    broken(|world| deny(world, action, resource))
}

fn deny(world: &mut World, action: &str, resource: &str) {
    let permits = world.account.permits.iter_mut();
    let mut denied = permits.filter(|(ask, _)| ask.action == action && ask.resource == resource);
    *denied.next().expect("it is asked").1 = Fact::Known(Verdict::Denied);
}

#[test]
fn a_sound_deployment_has_no_finding_but_ok() {
    for world in [sound(), buffered()] {
        assert_eq!(unwell(&world), []);
        let checks: Vec<&str> = all(&world).iter().map(|finding| finding.check).collect();
        for check in [
            "account",
            "function",
            "architecture",
            "settings",
            "catalog",
            "rule",
            "pattern",
            "target",
            "permission",
            "queue",
            "on-failure destination",
            "alarms",
            "schedules",
            "permissions",
            "start",
            "cluster",
            "capacity",
            "task definition",
            "port",
            "target group",
            "health check",
            "target health",
            "subnets",
            "security groups",
            "way out",
            "image",
            "log group",
            "secrets",
        ] {
            assert!(checks.contains(&check), "{check}: {checks:?}");
        }
    }
    assert!(all(&buffered()).iter().any(|finding| finding.check == "mapping"));
}

#[test]
fn what_the_looker_may_not_read_is_not_checked_and_never_guessed() {
    let unread = || "you may not call it".to_owned();
    macro_rules! hide {
        ($fact:expr) => {
            $fact = Fact::unread(unread(), "attach the policy")
        };
    }
    let mut world = sound();
    hide!(world.looker.account);
    let deployment = &mut world.deployment;
    hide!(deployment.files);
    hide!(deployment.policy);
    hide!(deployment.on_failure);
    hide!(deployment.mappings);
    hide!(deployment.alarms);
    hide!(deployment.schedule_group);
    for rule in &mut deployment.rules {
        hide!(rule.state);
        hide!(rule.targets);
    }
    deployment.queues.iter_mut().for_each(|queue| hide!(queue.found));
    let account = &mut world.account;
    account.clusters.values_mut().for_each(|fact| hide!(*fact));
    account.definitions.values_mut().for_each(|fact| hide!(*fact));
    account.groups.values_mut().for_each(|fact| hide!(*fact));
    account.unhealthy.values_mut().for_each(|fact| hide!(*fact));
    account.balancers.values_mut().for_each(|fact| hide!(*fact));
    account.subnets.values_mut().for_each(|fact| hide!(*fact));
    account.security_groups.values_mut().for_each(|fact| hide!(*fact));
    account.routes.values_mut().for_each(|fact| hide!(*fact));
    account.permits.values_mut().for_each(|fact| hide!(*fact));
    let found = unwell(&world);
    assert!(
        !found.is_empty() && found.iter().all(|finding| finding.level == Level::NotChecked),
        "{found:#?}"
    );
}

#[test]
fn nothing_is_well_that_depends_on_what_could_not_be_read() {
    fn hide<K: Ord, T>(facts: &mut std::collections::BTreeMap<K, Fact<T>>) {
        for fact in facts.values_mut() {
            *fact = Fact::unread("you may not call it", "attach the policy");
        }
    }
    type Case = (fn(&mut Account), &'static [&'static str]);
    let cases: [Case; 6] = [
        (|account| hide(&mut account.groups), &["security groups", "subnets"]),
        (|account| hide(&mut account.balancers), &["security groups", "subnets"]),
        (|account| hide(&mut account.subnets), &["subnets", "way out"]),
        (
            |account| hide(&mut account.security_groups),
            &["security groups", "way out"],
        ),
        (|account| hide(&mut account.clusters), &["permissions"]),
        (|account| hide(&mut account.definitions), &["permissions"]),
    ];
    for (n, (hide, checks)) in cases.into_iter().enumerate() {
        let world = broken(|world| hide(&mut world.account));
        let well = all(&world)
            .into_iter()
            .filter(|finding| finding.level == Level::Ok && finding.about != "start-engines")
            .find(|finding| checks.contains(&finding.check));
        assert_eq!(well, None, "#{n}");
    }
}
