//! The cluster, and what a service is launched on in it.

use super::*;

#[test]
fn the_cluster_is_active_and_has_what_the_start_is_launched_on() {
    let world = broken(|world| cluster(world).status = "INACTIVE".to_owned());
    only(&world, "cluster", Level::Failure, "INACTIVE");
    let mut world = broken(|world| {
        world.account.clusters.insert("engines".to_owned(), Fact::Absent);
    });
    world.account.permits.clear();
    only(&world, "cluster", Level::Failure, "does not exist");
    let strategy = json!({"launchType": null, "capacityProviderStrategy": [{"capacityProvider": "own", "weight": 1}]});
    let provider = |scales| Provider {
        status: "ACTIVE".to_owned(),
        scales,
    };
    let with = |scales: bool, is_there: bool| {
        let mut world = with_entry(&strategy);
        if is_there {
            cluster(&mut world).providers.push("own".to_owned());
        }
        world
            .account
            .providers
            .insert("own".to_owned(), Fact::Known(provider(scales)));
        let mut found = unwell(&world);
        // Container instances pull the image: their ways are not looked at.
        found.retain(|finding| finding.level == Level::Failure);
        found
    };
    assert_eq!(with(true, true), []);
    assert!(with(false, true)[0].message.contains("own is empty"));
    assert!(
        with(true, false)[0]
            .message
            .contains("is not one of the cluster engines")
    );
    // Beside container instances of others it is empty too.
    let beside = |instances: Option<Fact<Instances>>| {
        let mut world = with_entry(&strategy);
        cluster(&mut world).providers.push("own".to_owned());
        cluster(&mut world).registered = 3;
        let account = &mut world.account;
        account.providers.insert("own".to_owned(), Fact::Known(provider(false)));
        account
            .instances
            .extend(instances.map(|fact| ("engines".to_owned(), fact)));
        let mut found = unwell(&world);
        found.retain(|finding| finding.check == "capacity");
        found
    };
    let of = |name: &str| {
        Some(Fact::Known(Instances {
            connected: Owners {
                any: true,
                providers: [name.to_owned()].into(),
            },
            ..Instances::default()
        }))
    };
    assert_eq!(beside(of("own")), []);
    let found = beside(of("other"));
    assert!(
        found[0].level == Level::Failure
            && found[0]
                .message
                .contains("own is empty: no ACTIVE container instance is its own"),
        "{found:#?}"
    );
    for unread in [None, Some(Fact::unread("you may not call it", "attach the policy"))] {
        let found = beside(unread);
        assert_eq!(found[0].level, Level::NotChecked, "{found:#?}");
    }
    let mut world = with_entry(&strategy);
    cluster(&mut world).providers.push("own".to_owned());
    let account = &mut world.account;
    account.providers.insert("own".to_owned(), Fact::Known(provider(true)));
    let findings = all(&world);
    let told = findings.iter().find(|finding| finding.check == "capacity").unwrap();
    assert!(
        told.level == Level::Ok && told.message.contains("own: container instances are brought up"),
        "{told:#?}"
    );
}

#[test]
fn a_start_on_container_instances_needs_one_that_takes_tasks() {
    let mut world = with_entry(&json!({"launchType": "EC2"}));
    let capacity = |world: &World| {
        let mut found = unwell(world);
        found.retain(|finding| finding.check == "capacity");
        found
    };
    assert!(capacity(&world)[0].message.contains("has no container instance, and"));
    cluster(&mut world).registered = 2;
    assert_eq!(capacity(&world)[0].level, Level::NotChecked);
    let some = || Owners {
        any: true,
        ..Owners::default()
    };
    for (connected, disconnected, expected) in [
        (some(), Owners::default(), None),
        (some(), some(), None),
        (Owners::default(), some(), Some(Level::Warning)),
        (Owners::default(), Owners::default(), Some(Level::Failure)),
    ] {
        let found = Fact::Known(Instances {
            connected,
            disconnected,
        });
        world.account.instances.insert("engines".to_owned(), found);
        let found: Vec<Level> = capacity(&world).iter().map(|finding| finding.level).collect();
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn of_several_capacity_providers_those_without_a_weight_place_no_task() {
    let item = |name: &str, weight| CapacityProvider {
        name: name.to_owned(),
        weight,
        base: 0,
    };
    let found = |own: i32, fargate: i32, launch: bool| {
        let items = [item("own", own), item("FARGATE", fargate)];
        let strategy =
            json!([{"capacityProvider": "own", "weight": own}, {"capacityProvider": "FARGATE", "weight": fargate}]);
        let strategy = if launch { strategy } else { json!(null) };
        let mut world = with_entry(&json!({"launchType": null, "capacityProviderStrategy": strategy}));
        let cluster = cluster(&mut world);
        cluster.providers.push("own".to_owned());
        cluster.default_strategy = items.to_vec();
        let empty = Provider {
            status: "ACTIVE".to_owned(),
            scales: false,
        };
        world.account.providers.insert("own".to_owned(), Fact::Known(empty));
        unwell(&world)
    };
    for launch in [true, false] {
        // All run on Fargate, and their way out is looked at.
        assert_eq!(found(0, 1, launch), []);
        let first = &found(1, 1, launch)[0];
        assert!(
            first.level == Level::Failure && first.message.starts_with("the capacity provider own is empty"),
            "{first:#?}"
        );
    }
    let first = &found(0, 0, false)[0];
    assert!(
        first.level == Level::Failure
            && first
                .message
                .contains("of the cluster engines has several capacity providers, all with a weight of 0"),
        "{first:#?}"
    );
}

#[test]
fn a_clusters_default_strategy_decides_on_fargate_too() {
    let mut world = with_entry(&json!({"launchType": null}));
    cluster(&mut world).default_strategy = vec![CapacityProvider {
        name: "FARGATE".to_owned(),
        weight: 1,
        base: 0,
    }];
    assert_eq!(unwell(&world), []);
    definition(&mut world).compatibilities = vec!["EC2".to_owned()];
    only(&world, "task definition", Level::Failure, "not compatible with FARGATE");
}
