//! The world of a command that looks at another account or region: nothing of it is asked for.

use std::collections::BTreeMap;

use super::{Told, services};
use crate::doctor::fact::Fact;
use crate::doctor::world::{Account, Deployment, Looker, Queue, Rule, World};

fn unseen<T>() -> Fact<T> {
    Fact::unread("another account or region was asked", "see the check account")
}

/// What is known without AWS's answers.
pub(super) fn world(told: &Told, looker: Looker) -> World {
    let rule = |label, arn: &Option<String>, queue_url: &Option<String>| Rule {
        label,
        arn: arn.clone(),
        queue_url: queue_url.clone(),
        state: unseen(),
        targets: unseen(),
        matches: Vec::new(),
    };
    let queue = |(label, url): &(&'static str, String)| Queue {
        label,
        url: url.clone(),
        is_buffer: false,
        found: unseen(),
    };
    let deployment = Deployment {
        arn: told.function.clone(),
        function: unseen(),
        files: unseen(),
        local_catalog: told.catalog.clone(),
        policy: unseen(),
        on_failure: unseen(),
        rules: vec![
            rule("request rule", &told.request_rule, &told.request_queue),
            rule("state-change rule", &told.state_change_rule, &told.state_change_queue),
        ],
        queues: told.failed.iter().map(queue).collect(),
        mappings: unseen(),
        alarm_names: told.alarms.clone(),
        alarms: unseen(),
        schedule_group: unseen(),
        trust: BTreeMap::new(),
    };
    let services = services(told, &told.config);
    let starts = services.iter().filter_map(|service| service.start.as_deref().ok());
    let mut account = Account::default();
    for start in starts {
        account.clusters.insert(start.cluster.name().to_owned(), unseen());
        account.definitions.insert(start.task_definition.clone(), unseen());
        let groups = start.attachments.iter().map(|attachment| attachment.group.clone());
        account.groups.extend(groups.map(|group| (group, unseen())));
        let networks = start
            .placements
            .iter()
            .filter_map(|placement| placement.network.as_ref());
        let subnets = networks.flat_map(|network| network.subnets.iter().map(ToString::to_string));
        account.subnets.extend(subnets.map(|subnet| (subnet, unseen())));
    }
    World {
        looker,
        deployment,
        services,
        account,
    }
}
