//! Several deployments in one account and cluster: each hears of all tasks, and sees to its own only.

use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::outcome::{Outcome, Skip};
use start_engines_core::report::handled::Handled;
use start_engines_fake_aws::{TargetGroup, TaskDefinition};

use crate::stage::{BEGIN, Stage, TestHandler, invocation, outcome, stop};

const BUS: (&str, &str) = ("OUTCOME_EVENT_BUS", "app-events");
const CLUSTERS: (&str, &str) = ("ALLOWED_CLUSTERS", "engines");

/// Two functions, each with a target group of its own.
struct Two {
    /// The first one's, which has the group `auth`.
    stage: Stage,
    second: TestHandler,
    /// The second one's group.
    group: String,
}

impl Two {
    /// Each may touch its own group.
    async fn apart() -> Self {
        Self::with("auth", "other").await
    }

    /// Each may touch both groups.
    async fn sharing() -> Self {
        Self::with("auth,other", "auth,other").await
    }

    async fn with(first: &str, second: &str) -> Self {
        let settings = |name, groups| [("DEPLOYMENT", name), ("ALLOWED_TARGET_GROUPS", groups), CLUSTERS, BUS];
        let stage = Stage::with(&settings("first", first)).await;
        let group = stage
            .fake
            .world(|world| world.add_target_group(TargetGroup::ip("other", 80)));
        let second = stage.another(&settings("second", second)).await;
        Self { stage, second, group }
    }

    async fn to_second(&self, event: &Value) -> Handled {
        let invocation = invocation(&self.stage.clock, Duration::from_secs(60));
        self.second.handle(event.clone(), &invocation).await
    }

    /// The second one starts a task in `group`, which runs then; its event.
    async fn running_of_second(&self, id: &str, group: &str) -> (String, Value) {
        let start = self.stage.start(id, json!({"targetGroupArn": group}));
        self.to_second(&start).await.result.expect("a start");
        let event = self.stage.fake.world(|world| {
            let task = world.task_arns().last().expect("a task").clone();
            world.advance_to(&task, "RUNNING")
        });
        self.stage.calls();
        (event["detail"]["taskArn"].as_str().expect("an ARN").to_owned(), event)
    }

    /// That, with its target registered.
    async fn registered_of_second(&self, id: &str, group: &str) -> String {
        let (task, running) = self.running_of_second(id, group).await;
        self.to_second(&running).await.result.expect("a registration");
        self.stage.calls();
        task
    }

    fn in_group(&self, group: &str) -> usize {
        self.stage.fake.world(|world| world.registered(group).len())
    }

    /// The first one is handed an event that is not its own; the calls that this took.
    async fn left_alone_by_first(&self, event: &Value) -> Vec<String> {
        self.stage.calls();
        let handled = self.stage.deliver(event).await;
        let skipped = Outcome::skipped(Skip::AnotherDeployment);
        assert_eq!(handled.result.as_ref().expect("no error"), &skipped);
        assert_eq!(handled.summary()["reason"], "another_deployment");
        assert_eq!(handled.metrics("f")["StartsFailed"], Value::Null);
        self.stage.calls()
    }
}

/// What a reconcile of the cluster, by the first one, registered, deregistered, and did not know.
async fn reconciled(stage: &Stage) -> [usize; 3] {
    let event = json!({
        "version": "0", "id": "r1", "detail-type": "Reconcile ECS Targets", "source": "app.tests",
        "account": "111122223333", "time": BEGIN, "region": "us-east-1", "resources": [],
        "detail": {"cluster": "engines"},
    });
    let Outcome::Reconciled(repairs) = outcome(stage, &event).await else {
        panic!("no reconcile")
    };
    [
        repairs.registered.len(),
        repairs.deregistered.len(),
        repairs.unknown.len(),
    ]
}

/// A task that others start with a `startedBy` of the same form; its RUNNING event.
fn adopted(stage: &Stage, definition: &str, groups: &[&str], tags: &Value) -> Value {
    let parts: Vec<&str> = groups
        .iter()
        .map(|group| group.rsplit_once("targetgroup/").expect("a group").1)
        .collect();
    let targets: String = parts.iter().map(|part| format!("/{part}/8080")).collect();
    stage.fake.world(|world| {
        let task = world.run_foreign_task(&json!({
            "cluster": "engines", "taskDefinition": definition, "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60718"]}},
            "startedBy": format!("start-engines{}", if targets.is_empty() { "/-" } else { &targets }), "tags": tags,
        }));
        world.advance_to(&task, "RUNNING")
    })
}

#[tokio::test]
async fn a_started_task_carries_the_name_of_its_deployment() {
    let mut stage = Stage::with(&[("AWS_LAMBDA_FUNCTION_NAME", "engines-2")]).await;
    let tag = |stage: &Stage| {
        stage.fake.world(|world| {
            let task = world.task_arns().last().expect("a task").clone();
            let tags = world.tags(&task);
            let found = tags.into_iter().find(|(key, _)| key == "start-engines:deployment");
            found.map(|(_, value)| value)
        })
    };
    outcome(&stage, &stage.start("e1", json!({}))).await;
    assert_eq!(tag(&stage).as_deref(), Some("engines-2"));
    let renamed = [("AWS_LAMBDA_FUNCTION_NAME", "engines-3"), ("DEPLOYMENT", "engines-2")];
    stage.cold_start(&renamed).await;
    outcome(&stage, &stage.start("e2", json!({}))).await;
    assert_eq!(tag(&stage).as_deref(), Some("engines-2"));
    stage.cold_start(&[]).await;
    outcome(&stage, &stage.start("e3", json!({}))).await;
    assert_eq!(tag(&stage), None);
}

#[tokio::test]
async fn each_of_two_functions_registers_and_takes_out_its_own_tasks_and_asks_nothing_about_the_others() {
    let two = Two::apart().await;
    let first = two.stage.registered_task("e1").await;
    let second = two.registered_of_second("e2", &two.group).await;
    assert_eq!((two.stage.registered().len(), two.in_group(&two.group)), (1, 1));
    two.stage.fake.world(|world| world.take_put_events());
    for last in ["RUNNING", "STOPPED"] {
        let event = two.stage.fake.world(|world| {
            world.stop(&second, "UserInitiated", "Task stopped by user");
            world.advance_to(&second, last)
        });
        assert_eq!(two.left_alone_by_first(&event).await, [""; 0]);
        two.to_second(&event).await.result.expect("an outcome");
        assert_eq!(two.in_group(&two.group), 0);
    }
    assert_eq!(two.stage.registered().len(), 1);
    let event = two.stage.fake.world(|world| stop(world, &first));
    two.stage.calls();
    let skipped = two.to_second(&event).await.result.expect("no error");
    assert_eq!(skipped, Outcome::skipped(Skip::AnotherDeployment));
    assert_eq!(two.stage.calls(), [""; 0]);
    outcome(&two.stage, &event).await;
    assert_eq!(two.stage.registered(), []);
}

#[tokio::test]
async fn a_running_task_of_another_deployment_is_skipped_by_its_groups_else_by_its_tag() {
    let apart = Two::apart().await;
    let (_, running) = apart.running_of_second("e1", &apart.group).await;
    assert_eq!(apart.left_alone_by_first(&running).await, [""; 0]);
    let sharing = Two::sharing().await;
    let (task, running) = sharing.running_of_second("e1", &sharing.stage.group).await;
    assert_eq!(sharing.left_alone_by_first(&running).await, ["DescribeTasks"]);
    assert_eq!(sharing.stage.registered(), []);
    // Nor is it the first one's to deregister, if it stops meanwhile.
    sharing.to_second(&running).await.result.expect("a registration");
    sharing
        .stage
        .fake
        .world(|world| world.tag(&task, "start-engines:stop-at", "2026-11-20T07:10:00Z"));
    assert_eq!(sharing.left_alone_by_first(&running).await, ["DescribeTasks"]);
    assert_eq!(sharing.stage.registered().len(), 1);
}

#[tokio::test]
async fn nothing_is_published_about_another_deployments_task_whose_start_failed() {
    for has_targets in [true, false] {
        let two = Two::apart().await;
        let targets = if has_targets {
            json!([{"targetGroupArn": two.group, "port": 8080}])
        } else {
            json!([])
        };
        let definition = TaskDefinition::awsvpc("jobs").container("auth", &[8080]);
        two.stage.fake.world(|world| world.add_task_definition(definition));
        let start = json!({"targetGroupArn": null, "port": null, "targets": targets, "taskDefinition": "jobs"});
        two.to_second(&two.stage.start("e1", start))
            .await
            .result
            .expect("a start");
        let event = two.stage.fake.world(|world| {
            let task = world.task_arns().last().expect("a task").clone();
            world.fail_start(&task, "CannotPullContainerError: no such image", "");
            world.advance_to(&task, "STOPPED")
        });
        let families = [
            ("ALLOWED_TASK_FAMILIES", "auth"),
            ("ALLOWED_TARGET_GROUPS", "auth"),
            BUS,
        ];
        let first = Two {
            second: two.stage.another(&families).await,
            ..two
        };
        first.stage.fake.world(|world| world.take_put_events());
        let handled = first.to_second(&event).await;
        assert_eq!(
            handled.result.as_ref().expect("no error"),
            &Outcome::skipped(Skip::AnotherDeployment)
        );
        assert_eq!(handled.metrics("f")["StartsFailed"], Value::Null);
        assert!(first.stage.fake.world(|world| world.take_put_events()).is_empty());
    }
}

#[tokio::test]
async fn of_a_task_in_a_shared_group_only_its_own_deployment_reports() {
    let two = Two::sharing().await;
    let task = two.registered_of_second("e1", &two.stage.group).await;
    // It ends by itself, so its tags are still there.
    let event = two.stage.fake.world(|world| {
        let tags = world.tags(&task);
        world.stop(&task, "EssentialContainerExited", "Essential container in task exited");
        for (key, value) in tags {
            world.tag(&task, &key, &value);
        }
        world.advance_to(&task, "STOPPED")
    });
    two.stage.fake.world(|world| world.take_put_events());
    two.stage.deliver(&event).await.result.expect("no error");
    let reported = two.stage.fake.world(|world| world.take_put_events());
    assert!(reported.is_empty(), "{reported:?}");
}

#[tokio::test]
async fn a_reconcile_leaves_another_deployments_tasks_alone_and_their_targets_count_as_taken() {
    for two in [Two::apart().await, Two::sharing().await] {
        let group = two.group.clone();
        // One is missing, one is there; of neither is anything said.
        two.running_of_second("e1", &group).await;
        two.registered_of_second("e2", &group).await;
        assert_eq!(reconciled(&two.stage).await, [0, 0, 0]);
        assert_eq!(two.in_group(&group), 1);
    }
    let two = Two::sharing().await;
    let group = two.stage.group.clone();
    two.running_of_second("e1", &group).await;
    two.registered_of_second("e2", &group).await;
    let own = two.stage.running_task("e3").await.0;
    two.stage.calls();
    assert_eq!(reconciled(&two.stage).await, [1, 0, 0], "its own is registered");
    let address = two
        .stage
        .fake
        .world(|world| world.address(&own))
        .expect("an address")
        .to_string();
    assert_eq!(two.in_group(&group), 2);
    assert!(two.stage.registered().iter().any(|(id, _)| *id == address));
}

#[tokio::test]
async fn a_late_stop_leaves_a_target_to_a_newer_task_of_another_deployment() {
    let two = Two::sharing().await;
    let group = two.stage.group.clone();
    let old = two.stage.registered_task("e1").await;
    let stopped = two.stage.fake.world(|world| {
        let address = world.address(&old).expect("an address");
        world.stop(&old, "UserInitiated", "Task stopped by user");
        let event = world.advance_to(&old, "STOPPED");
        world.release_address(&old);
        world.next_address(address);
        event
    });
    two.registered_of_second("e2", &group).await;
    two.stage.pass(Duration::from_secs(60));
    let Outcome::Deregistered { targets, reused, .. } = outcome(&two.stage, &stopped).await else {
        panic!("the target is still registered")
    };
    assert_eq!((targets.len(), reused.len()), (0, 1));
    assert_eq!(two.stage.registered().len(), 1);
}

#[tokio::test]
async fn a_task_with_one_group_that_is_allowed_is_this_deployments_and_the_other_group_is_an_error_on_the_way_up_only()
{
    let two = Two::apart().await;
    let running = adopted(&two.stage, "auth", &[&two.stage.group, &two.group], &json!([]));
    let failure = two.stage.deliver(&running).await.result.expect_err("a failure");
    assert_eq!(failure.category.name(), "not_allowed");
    assert_eq!((two.stage.registered().len(), two.in_group(&two.group)), (1, 0));
    two.stage.calls();
    let task = running["detail"]["taskArn"].as_str().expect("an ARN");
    let stopping = two.stage.fake.world(|world| stop(world, task));
    let Outcome::Deregistered { targets, .. } = outcome(&two.stage, &stopping).await else {
        panic!("its target was registered")
    };
    assert_eq!(targets.len(), 1);
    let calls = two.stage.calls();
    assert_eq!(
        calls.iter().filter(|call| *call == "DeregisterTargets").count(),
        1,
        "{calls:?}"
    );
}

#[tokio::test]
async fn a_task_that_others_start_is_adopted_only_if_its_family_is_allowed() {
    let stage = Stage::with(&[("ALLOWED_TASK_FAMILIES", "auth")]).await;
    let definition = TaskDefinition::awsvpc("foreign").container("auth", &[8080]);
    stage.fake.world(|world| world.add_task_definition(definition));
    let group = stage.group.clone();
    let running = adopted(&stage, "foreign", &[&group], &json!([]));
    let handled = stage.deliver(&running).await;
    assert_eq!(
        handled.result.as_ref().expect("no error"),
        &Outcome::skipped(Skip::FamilyNotAllowed)
    );
    assert_eq!(handled.summary()["reason"], "family_not_allowed");
    assert_eq!(
        stage.calls().iter().filter(|call| *call == "RegisterTargets").count(),
        0
    );
    assert_eq!(reconciled(&stage).await, [0, 0, 0]);
    let allowed = adopted(&stage, "auth", &[&group], &json!([]));
    outcome(&stage, &allowed).await;
    assert_eq!(stage.registered().len(), 1);
    // With the tag of this deployment's starts it is an error that is seen: no start of it has such a family.
    let tags = json!([{"key": "start-engines:event-id", "value": "e1"}]);
    let forged = adopted(&stage, "foreign", &[&group], &tags);
    let failure = stage.deliver(&forged).await.result.expect_err("a failure");
    assert_eq!(failure.category.name(), "not_allowed");
    assert!(failure.message.contains("ALLOWED_TASK_FAMILIES"), "{failure}");
    assert_eq!(stage.registered().len(), 1);
}

#[tokio::test]
async fn on_its_way_down_a_task_that_was_never_adopted_takes_nothing_of_others_along() {
    let stage = Stage::with(&[("ALLOWED_TASK_FAMILIES", "auth")]).await;
    let definition = TaskDefinition::awsvpc("foreign").container("auth", &[8080]);
    stage.fake.world(|world| world.add_task_definition(definition));
    let live = stage.registered_task("e1").await;
    let group = stage.group.clone();
    let running = adopted(&stage, "foreign", &[&group], &json!([]));
    outcome(&stage, &running).await;
    let task = running["detail"]["taskArn"].as_str().expect("an ARN");
    let stopping = stage.fake.world(|world| stop(world, task));
    outcome(&stage, &stopping).await;
    let address = stage
        .fake
        .world(|world| world.address(&live))
        .expect("an address")
        .to_string();
    assert_eq!(stage.registered(), [(address, 8080)]);
}

#[tokio::test]
async fn a_malformed_startedby_of_another_family_is_another_deployments() {
    let stage = Stage::with(&[("ALLOWED_TASK_FAMILIES", "auth")]).await;
    let definition = TaskDefinition::awsvpc("foreign").container("auth", &[8080]);
    stage.fake.world(|world| world.add_task_definition(definition));
    for (family, category) in [("auth", Some("malformed_started_by")), ("foreign", None)] {
        let mut running = adopted(&stage, family, &[], &json!([]));
        running["detail"]["startedBy"] = json!("start-engines/nonsense");
        stage.calls();
        let result = stage.deliver(&running).await.result;
        assert_eq!(result.err().map(|failure| failure.category.name()), category);
        assert_eq!(stage.calls(), [""; 0]);
    }
}

fn stop_event(detail: Value) -> Value {
    json!({
        "version": "0", "id": "s1", "detail-type": "Stop ECS Task", "source": "app.tests",
        "account": "111122223333", "time": "2026-11-20T07:00:01Z", "region": "us-east-1", "resources": [],
        "detail": detail,
    })
}

#[tokio::test]
async fn a_stop_of_all_ends_the_tasks_of_its_own_deployment_only() {
    for two in [Two::apart().await, Two::sharing().await] {
        let first = two.stage.registered_task("e1").await;
        let second = two.registered_of_second("e2", &two.group).await;
        let all = stop_event(json!({"cluster": "engines", "all": true, "drainSeconds": 0}));
        outcome(&two.stage, &all).await;
        let desired = |task: &str| two.stage.fake.world(|world| world.desired_status(task));
        assert_eq!((desired(&first), desired(&second)), ("STOPPED", "RUNNING"));
        assert_eq!((two.stage.registered().len(), two.in_group(&two.group)), (0, 1));
        let of_the_second = stop_event(json!({"taskArn": second, "drainSeconds": 0}));
        let skipped = outcome(&two.stage, &of_the_second).await;
        assert_eq!(skipped, Outcome::skipped(Skip::AnotherDeployment));
        assert_eq!(desired(&second), "RUNNING");
    }
}

#[tokio::test]
async fn a_task_in_a_cluster_that_is_not_named_is_never_registered_and_its_stop_goes_by_its_targets() {
    let stage = Stage::with(&[CLUSTERS, BUS]).await;
    stage.fake.world(|world| world.add_cluster("others"));
    let foreign = stage.another(&[("ALLOWED_CLUSTERS", "others")]).await;
    let start = stage.start("e1", json!({"cluster": "others"}));
    foreign
        .handle(start, &invocation(&stage.clock, Duration::from_secs(60)))
        .await
        .result
        .expect("a start");
    let task = stage.fake.world(|world| world.task_arns()[0].clone());
    let running = stage.fake.world(|world| world.advance_to(&task, "RUNNING"));
    stage.calls();
    assert_eq!(
        outcome(&stage, &running).await,
        Outcome::skipped(Skip::AnotherDeployment)
    );
    assert_eq!(stage.calls(), Vec::<String>::new());
    // Its stop still goes by its targets: the cluster may have been taken off the list when this was waiting.
    foreign
        .handle(running, &invocation(&stage.clock, Duration::from_secs(60)))
        .await
        .result
        .expect("a registration");
    assert_eq!(stage.registered().len(), 1);
    let stopping = stage.fake.world(|world| stop(world, &task));
    outcome(&stage, &stopping).await;
    assert_eq!(stage.registered().len(), 0);
}
