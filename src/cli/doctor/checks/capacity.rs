//! The cluster, and the capacity that a start asks for in it.

use std::collections::BTreeSet;

use super::OfService;
use crate::doctor::fact::Fact;
use crate::doctor::world::{Cluster, Instances, Provider, is_of_fargate, placing};
use crate::doctor::{Finding, Report};

pub(super) fn check(of: &OfService<'_>, findings: &mut Vec<Finding>) {
    let name = of.start.cluster.name();
    let mut report = of.report("cluster", findings);
    let Some(fact) = of.account.clusters.get(name) else {
        return;
    };
    let absent = format!("the cluster {name} does not exist");
    let Some(cluster) = fact.known(&mut report, &absent, "create it, or correct the service's cluster") else {
        return;
    };
    // <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Cluster.html>
    if cluster.status != "ACTIVE" {
        report.failure(
            format!("the cluster {name} is {}", cluster.status),
            "create it anew, or name another one",
        );
        return;
    }
    report.well(format!("{name} is ACTIVE"));
    let mut report = of.report("capacity", findings);
    let launches = || of.start.placements.iter().map(|placement| &placement.launch);
    for launch in launches() {
        if cluster.takes_any_instance(launch) {
            instance(of, cluster, &mut report);
        }
        let strategy = cluster.strategy(launch);
        let placing: BTreeSet<&str> = placing(strategy).collect();
        if placing.is_empty() && !strategy.is_empty() {
            // RunTask fails (API_CapacityProviderStrategyItem); the function refuses a start's own strategy of this kind.
            report.failure(
                format!(
                    "the default strategy of the cluster {name} has several capacity providers, all with a weight of 0"
                ),
                "give one of them a weight: aws ecs put-cluster-capacity-providers",
            );
        }
        for item in strategy {
            if let Some(provider) = provider(of, cluster, &item.name, &mut report)
                && !provider.scales
                && placing.contains(item.name.as_str())
            {
                staffed(of, cluster, &item.name, &mut report);
            }
        }
    }
    let scales = |name: &&str| {
        let provider = of.account.providers.get(*name).and_then(|provider| provider.get());
        provider.is_some_and(|provider| provider.scales)
    };
    let named = launches().flat_map(|launch| placing(cluster.strategy(launch)));
    let scaling: BTreeSet<&str> = named.filter(scales).collect();
    let scaling: Vec<&str> = scaling.into_iter().collect();
    report.well(if scaling.is_empty() {
        "what it is launched on is in the cluster".to_owned()
    } else {
        // "An Auto Scaling group must have a MaxSize greater than zero to scale out", else tasks stay in PROVISIONING
        // (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/asg-capacity-providers.html>).
        format!(
            "what it is launched on is in the cluster; {}: container instances are brought up when tasks wait for them, which \
             takes minutes, and up to the Auto Scaling group's maximum, which is not looked at",
            scaling.join(", ")
        )
    });
}

/// The container instances that take tasks, of a cluster that has some.
fn instances<'a>(of: &'a OfService<'_>, report: &mut Report<'_>) -> Option<&'a Instances> {
    let name = of.start.cluster.name();
    let Some(fact) = of.account.instances.get(name) else {
        report.unread(format!("the container instances of {name}"));
        return None;
    };
    let absent = format!("the cluster {name} does not exist");
    fact.known(report, &absent, "create it, or correct the service's cluster")
}

/// A container instance, whose ever it is.
fn instance(of: &OfService<'_>, cluster: &Cluster, report: &mut Report<'_>) {
    let name = of.start.cluster.name();
    let repair = "add container instances, or start it with a capacity provider or on Fargate";
    if cluster.registered == 0 {
        report.failure(
            format!("the cluster {name} has no container instance, and the start wants one"),
            repair,
        );
        return;
    }
    match instances(of, report) {
        Some(found) if !found.connected.any && found.disconnected.any => report.warning(
            format!("the cluster {name} has container instances, and the agent of none is connected: they take no task"),
            RECONNECTS,
        ),
        Some(found) if !found.connected.any => report.failure(
            format!(
                "the cluster {name} has no container instance that takes tasks, and the start wants one: none of its {} is ACTIVE",
                cluster.registered
            ),
            repair,
        ),
        Some(_) | None => {}
    }
}

/// "The Amazon ECS container agent disconnects and reconnects several times per hour as a part of its normal operation"
/// (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_container_instance_events.html>).
const RECONNECTS: &str = "run doctor again in a minute: an agent reconnects several times an hour";

/// A capacity provider must be associated with the cluster
/// (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutClusterCapacityProviders.html>); those of Fargate are
/// there for every account. Gives what else is known of one.
fn provider<'a>(of: &'a OfService<'_>, cluster: &Cluster, name: &str, report: &mut Report<'_>) -> Option<&'a Provider> {
    if !cluster.providers.iter().any(|known| known == name) {
        report.failure(
            format!(
                "the capacity provider {name} is not one of the cluster {}",
                of.start.cluster.name()
            ),
            "associate it: aws ecs put-cluster-capacity-providers, with all that the cluster has (one of Managed Instances is made in \
             its cluster)",
        );
        return None;
    }
    if is_of_fargate(name) {
        return None;
    }
    let fact = of.account.providers.get(name)?;
    if *fact == Fact::Absent {
        // The cluster has it: one of Managed Instances may be shown only where its cluster is named
        // (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeCapacityProviders.html>).
        report.not_checked(
            format!("ECS does not describe the capacity provider {name} of the cluster"),
            "",
        );
        return None;
    }
    let provider = fact.get().or_else(|| fact.known(report, "", ""))?;
    if provider.status != "ACTIVE" {
        report.failure(
            format!("the capacity provider {name} is {}", provider.status),
            "name another one",
        );
        return None;
    }
    Some(provider)
}

/// A capacity provider without managed scaling has the container instances that its Auto Scaling group has started, and none
/// of the cluster's others.
fn staffed(of: &OfService<'_>, cluster: &Cluster, name: &str, report: &mut Report<'_>) {
    let found = if cluster.registered == 0 {
        "no container instance"
    } else {
        match instances(of, report) {
            Some(found) if found.connected.providers.contains(name) => return,
            Some(found) if found.disconnected.providers.contains(name) => {
                report.warning(
                    format!("the agents of all container instances of the capacity provider {name} are disconnected"),
                    RECONNECTS,
                );
                return;
            }
            Some(_) => "no ACTIVE container instance is its own",
            None => return,
        }
    };
    report.failure(
        format!("the capacity provider {name} is empty: {found}, and managed scaling is off"),
        "turn its managed scaling on, or add instances to its Auto Scaling group",
    );
}
