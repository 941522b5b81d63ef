//! The checks of the deployment.

use super::*;

#[test]
fn the_function_is_there_runs_and_is_of_the_architecture_that_it_was_built_for() {
    let world = broken(|world| world.deployment.function = Fact::Absent);
    let found = unwell(&world);
    assert!(
        found[0].check == "function" && found[0].message.contains("does not exist"),
        "{found:#?}"
    );
    let world = broken(|world| function(world).state = "Failed".to_owned());
    only(&world, "function", Level::Failure, "Failed");
    let world = broken(|world| function(world).last_update = "Failed".to_owned());
    only(&world, "function", Level::Failure, "last update");
    let world = broken(|world| function(world).reserved_concurrency = Some(0));
    only(&world, "function", Level::Failure, "reserved concurrency is 0");
    let world = broken(|world| function(world).architectures = vec!["arm64".to_owned()]);
    only(&world, "architecture", Level::Failure, "built for x86_64");
    let world = broken(|world| function(world).built_for = None);
    only(&world, "architecture", Level::NotChecked, "could not be read");
    let world = broken(|world| function(world).runtime = "provided.al2".to_owned());
    only(&world, "architecture", Level::Warning, "provided.al2");
}

#[test]
fn credentials_or_a_region_of_elsewhere_are_told_as_such() {
    let elsewhere = |change: fn(&mut Looker)| {
        let mut world = sound();
        change(&mut world.looker);
        checks::elsewhere(&world.looker, &world.deployment.arn)
    };
    let found = elsewhere(|looker| looker.account = Fact::Known("444455556666".to_owned())).unwrap();
    assert_eq!(
        (found.check, found.level, found.message.as_str()),
        (
            "account",
            Level::NotChecked,
            "your credentials are of the account 444455556666, and start-engines is in 111122223333: nothing was looked at"
        )
    );
    let found = elsewhere(|looker| looker.region = "eu-west-1".to_owned()).unwrap();
    assert!(
        found
            .message
            .starts_with("your region is eu-west-1, and start-engines is in us-east-1"),
        "{found:#?}"
    );
    assert_eq!(elsewhere(|_| {}), None);
    assert_eq!(
        elsewhere(|looker| looker.account = Fact::unread("expired", "log in")),
        None
    );
    // Whose they are is not known: then what is read is told.
    let world = broken(|world| world.looker.account = Fact::unread("expired", "log in"));
    only(&world, "account", Level::NotChecked, "expired");
}

#[test]
fn the_role_sends_outcome_events_and_what_failed_and_takes_messages() {
    let failures = "arn:aws:sqs:us-east-1:111122223333:start-engines-failures";
    only(
        &denied("sqs:SendMessage", failures),
        "permissions",
        Level::Failure,
        &format!("may not call sqs:SendMessage on {failures}"),
    );
    let bus = "arn:aws:events:us-east-1:111122223333:event-bus/outcomes";
    for named in ["outcomes", bus] {
        let mut world = broken(|world| {
            let environment = function(world).environment.as_mut().unwrap();
            environment.insert("OUTCOME_EVENT_BUS".to_owned(), named.to_owned());
        });
        let config = world.deployment.config().unwrap().unwrap();
        world = with_services(world, &config);
        assert_eq!(unwell(&world), [], "{named}");
        deny(&mut world, "events:PutEvents", bus);
        only(&world, "permissions", Level::Failure, "events:PutEvents");
    }
    let requests = "arn:aws:sqs:us-east-1:111122223333:start-engines-requests";
    let mut world = buffered();
    let config = world.deployment.config().unwrap().unwrap();
    world = with_services(world, &config);
    assert_eq!(unwell(&world), []);
    deny(&mut world, "sqs:ReceiveMessage", requests);
    only(&world, "permissions", Level::Failure, "sqs:ReceiveMessage");
    // What is asked for depends on what could not be read.
    let world = broken(|world| world.deployment.on_failure = Fact::unread("you may not call it", "attach the policy"));
    let found = unwell(&world);
    assert!(found.iter().any(|it| it.check == "permissions"), "{found:#?}");
}

#[test]
fn settings_that_this_version_cannot_read_are_failures_each() {
    let world = broken(|world| {
        let environment = function(world).environment.as_mut().unwrap();
        environment.insert("LOG_LEVEL".to_owned(), "loud".to_owned());
    });
    let found = unwell(&world);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].check == "settings" && found[0].message.contains("LOG_LEVEL"),
        "{found:#?}"
    );
    let world = broken(|world| {
        known(&mut world.deployment.files).remove("settings.json");
    });
    only(&world, "settings", Level::Failure, "in none of its layers");
    let world = broken(|world| function(world).environment = None);
    assert!(
        unwell(&world)
            .iter()
            .any(|it| it.check == "settings" && it.level == Level::NotChecked)
    );
}

#[test]
fn a_catalog_that_differs_from_the_deployed_one_is_named_by_its_services() {
    let world = broken(|world| {
        let local = world.deployment.local_catalog.as_mut().unwrap();
        local["auth"]["port"] = json!(9090);
        local["billing"] = json!({});
    });
    only(
        &world,
        "catalog",
        Level::Failure,
        "differs from the deployed one in auth, billing",
    );
    let world = broken(|world| world.deployment.local_catalog = None);
    only(&world, "catalog", Level::NotChecked, "no catalog");
}

#[test]
fn a_rule_is_enabled_matches_and_may_send_to_its_target() {
    let world = broken(|world| world.deployment.rules[0].state = Fact::Known("DISABLED".to_owned()));
    only(&world, "rule", Level::Failure, "start-engines-requests is DISABLED");
    let world = broken(|world| world.deployment.rules[0].arn = None);
    only(&world, "rule", Level::NotChecked, "does not know");
    let world = broken(|world| world.deployment.rules[1].matches[0].1 = Fact::Known(false));
    only(&world, "pattern", Level::Failure, "does not let through a sample");
    let world = broken(|world| known(&mut world.deployment.rules[0].targets)[0].arn = format!("{FUNCTION}-2"));
    only(&world, "target", Level::Failure, "and not to start-engines");
    let world = broken(|world| known(&mut world.deployment.rules[0].targets)[0].dead_letters = None);
    only(&world, "target", Level::Warning, "no dead-letter queue");
    let world = broken(|world| {
        let policy = known(&mut world.deployment.policy).as_mut().unwrap();
        policy["Statement"][0]["Condition"]["ArnLike"]["AWS:SourceArn"] = json!([rule_arn("state-change")]);
    });
    only(&world, "permission", Level::Failure, "does not let the rule send");
    let mut world = buffered();
    if let Fact::Known(facts) = &mut world.deployment.queues[2].found {
        facts.policy = None;
    }
    only(&world, "permission", Level::Failure, "does not let the rule send");
}

#[test]
fn what_a_rules_target_gets_and_where_its_dead_letters_go_is_looked_at() {
    let with_target =
        |change: fn(&mut RuleTarget)| broken(|world| change(&mut known(&mut world.deployment.rules[0].targets)[0]));
    let world = with_target(|target| target.sends = Sends::Part);
    only(&world, "target", Level::Failure, "something else than the event");
    let world = with_target(|target| target.sends = Sends::Transformed);
    only(&world, "target", Level::NotChecked, "InputTransformer");
    let world = with_target(|target| target.arn = format!("{FUNCTION}:live"));
    only(
        &world,
        "permission",
        Level::NotChecked,
        ":live is a version or an alias",
    );
    // What cannot be delivered is lost for both rules.
    let world = broken(|world| known(&mut world.deployment.queues[1].found).policy = None);
    let found = unwell(&world);
    let is_told = |finding: &Finding| {
        finding.level == Level::Failure
            && finding
                .message
                .contains("start-engines-undelivered does not let the rule send there")
    };
    assert!(found.len() == 2 && found.iter().all(is_told), "{found:#?}");
    let dead_letters = "arn:aws:sqs:us-east-1:111122223333:start-engines-unscheduled";
    only(
        &denied("sqs:SendMessage", dead_letters),
        "schedules",
        Level::Failure,
        &format!("may not send what it cannot deliver to {dead_letters}"),
    );
}

#[test]
fn eventbridge_cannot_send_to_a_queue_with_the_key_that_aws_manages() {
    let with_key = |key: &str, queue: usize| {
        let mut world = buffered();
        known(&mut world.deployment.queues[queue].found).key = Some(key.to_owned());
        world
    };
    for queue in 1..=3 {
        only(
            &with_key("alias/aws/sqs", queue),
            "queue",
            Level::Failure,
            "with which EventBridge cannot send to it",
        );
        only(&with_key("alias/own", queue), "queue", Level::NotChecked, "alias/own");
    }
    // The function's own role sends there.
    assert_eq!(unwell(&with_key("alias/aws/sqs", 0)), []);
}

#[test]
fn queues_are_there_and_lambda_reads_those_of_buffered_mode() {
    let world = broken(|world| world.deployment.queues[1].found = Fact::Absent);
    only(&world, "queue", Level::Failure, "does not exist");
    let world = broken(|world| world.deployment.on_failure = Fact::Known(None));
    only(&world, "on-failure destination", Level::Failure, "what fails is lost");
    let mut world = buffered();
    known(&mut world.deployment.mappings)[0].state = "Disabled".to_owned();
    only(&world, "mapping", Level::Failure, "is Disabled");
    let mut world = buffered();
    known(&mut world.deployment.mappings).remove(1);
    only(&world, "mapping", Level::Failure, "no event source mapping");
    let mut world = buffered();
    known(&mut world.deployment.mappings)[0].reports_items = false;
    only(&world, "mapping", Level::Failure, "ReportBatchItemFailures");
}

#[test]
fn alarms_are_there_tell_somebody_and_are_quiet() {
    let alarm = |world: &mut World| {
        known(&mut world.deployment.alarms)
            .get_mut("start-engines-errors")
            .unwrap()
            .clone()
    };
    let put = |change: fn(&mut Alarm)| {
        broken(|world| {
            let mut changed = alarm(world);
            change(&mut changed);
            known(&mut world.deployment.alarms).insert("start-engines-errors".to_owned(), changed);
        })
    };
    only(
        &put(|alarm| alarm.actions = 0),
        "alarms",
        Level::Warning,
        "has no action",
    );
    only(
        &put(|alarm| alarm.actions_enabled = false),
        "alarms",
        Level::Warning,
        "its actions off",
    );
    only(
        &put(|alarm| alarm.state = "ALARM".to_owned()),
        "alarms",
        Level::Warning,
        "is in ALARM",
    );
    let world = broken(|world| known(&mut world.deployment.alarms).clear());
    only(&world, "alarms", Level::Failure, "does not exist");
    let world = broken(|world| world.deployment.alarm_names = None);
    only(&world, "alarms", Level::NotChecked, "names");
}

#[test]
fn the_schedules_group_and_role_are_there_and_the_role_may_invoke() {
    let world = broken(|world| world.deployment.schedule_group = Fact::Absent);
    only(&world, "schedules", Level::Failure, "does not exist");
    let world = broken(|world| {
        world
            .deployment
            .trust
            .insert(LATER.to_owned(), Fact::Known(json!({"Statement": []})));
    });
    only(&world, "schedules", Level::Failure, "does not trust");
    let world = denied("lambda:InvokeFunction", FUNCTION);
    only(&world, "schedules", Level::Failure, "may not invoke");
}
