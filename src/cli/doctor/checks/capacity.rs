//! The cluster, and the capacity that a start asks for in it.

use std::collections::BTreeSet;

use start_engines_core::call::run_task::Launch;

use super::OfService;
use crate::doctor::world::Cluster;
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
    for placement in &of.start.placements {
        match &placement.launch {
            Launch::Type("EC2") if cluster.instances == 0 => no_instances(name, &mut report),
            // Fargate needs nothing in the cluster for a launch type; ECS Anywhere has container instances.
            Launch::Type("EXTERNAL") if cluster.instances == 0 => no_instances(name, &mut report),
            Launch::Type(_) => {}
            Launch::Strategy(items) => {
                for item in items {
                    provider(of, cluster, &item.name, &mut report);
                }
            }
            Launch::ClusterDefault if cluster.default_strategy.is_empty() => {
                // RunTask then takes launch type EC2
                // (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html>).
                if cluster.instances == 0 {
                    no_instances(name, &mut report);
                }
            }
            Launch::ClusterDefault => {
                for provider_name in &cluster.default_strategy {
                    provider(of, cluster, provider_name, &mut report);
                }
            }
        }
    }
    let scaling = scaling(of, cluster);
    report.well(if scaling.is_empty() {
        "what it is launched on is in the cluster".to_owned()
    } else {
        // From none too: "2 to 5 minutes"
        // (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-scaling-behavior.html>).
        format!(
            "what it is launched on is in the cluster; {}: container instances are brought up when tasks wait for them, which \
             takes minutes",
            scaling.join(", ")
        )
    });
}

/// The capacity providers that bring up container instances.
fn scaling<'a>(of: &'a OfService<'_>, cluster: &'a Cluster) -> Vec<&'a str> {
    let of_launch = |launch: &'a Launch| -> Vec<&'a str> {
        match launch {
            Launch::Strategy(items) => items.iter().map(|item| item.name.as_str()).collect(),
            Launch::ClusterDefault => cluster.default_strategy.iter().map(String::as_str).collect(),
            Launch::Type(_) => Vec::new(),
        }
    };
    let names: BTreeSet<&str> = of
        .start
        .placements
        .iter()
        .flat_map(|it| of_launch(&it.launch))
        .collect();
    let scales = |name: &&str| {
        let provider = of.account.providers.get(*name).and_then(|provider| provider.get());
        provider.is_some_and(|provider| provider.scales)
    };
    names.into_iter().filter(scales).collect()
}

fn no_instances(cluster: &str, report: &mut Report<'_>) {
    report.failure(
        format!("the cluster {cluster} has no container instance, and the start wants one"),
        "add container instances, or start it with a capacity provider or on Fargate",
    );
}

/// A capacity provider must be associated with the cluster
/// (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutClusterCapacityProviders.html>); those of Fargate are
/// there for every account.
fn provider(of: &OfService<'_>, cluster: &Cluster, name: &str, report: &mut Report<'_>) {
    if !cluster.providers.iter().any(|known| known == name) {
        report.failure(
            format!(
                "the capacity provider {name} is not one of the cluster {}",
                of.start.cluster.name()
            ),
            "associate it: aws ecs put-cluster-capacity-providers, with all that the cluster has",
        );
        return;
    }
    if matches!(name, "FARGATE" | "FARGATE_SPOT") {
        return;
    }
    let Some(fact) = of.account.providers.get(name) else {
        return;
    };
    let absent = format!("the capacity provider {name} does not exist");
    let Some(provider) = fact.known(report, &absent, "create it, or name another one") else {
        return;
    };
    if provider.status != "ACTIVE" {
        report.failure(
            format!("the capacity provider {name} is {}", provider.status),
            "name another one",
        );
        return;
    }
    if !provider.scales {
        staffed(of, cluster, name, report);
    }
}

/// A capacity provider without managed scaling has the container instances that its Auto Scaling group has started, and none
/// of the cluster's others.
fn staffed(of: &OfService<'_>, cluster: &Cluster, name: &str, report: &mut Report<'_>) {
    let found = if cluster.instances == 0 {
        "no container instance".to_owned()
    } else {
        let Some(fact) = of.account.staffed.get(of.start.cluster.name()) else {
            report.unread(format!(
                "whose the container instances of {} are",
                of.start.cluster.name()
            ));
            return;
        };
        let absent = format!("the cluster {} does not exist", of.start.cluster.name());
        let Some(staffed) = fact.known(report, &absent, "create it, or correct the service's cluster") else {
            return;
        };
        if staffed.contains(name) {
            return;
        }
        "no container instance of the cluster is its own".to_owned()
    };
    report.failure(
        format!("the capacity provider {name} is empty: {found}, and managed scaling is off"),
        "turn its managed scaling on, or add instances to its Auto Scaling group",
    );
}
