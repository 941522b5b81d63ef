use proptest::prelude::*;

use super::*;
use crate::domain::arn::FunctionArn;
use crate::domain::arn::Port;
use crate::domain::target::Target;
use crate::request::envelope;

const GROUP: &str = "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/auth/73e2d6bc24d8a067";
const TASK: &str = "arn:aws:ecs:us-east-1:111122223333:task/engines/0123456789abcdef0123456789abcdef";

fn read_back(detail: &Value, source: &str) -> Result<DeregisterRequest, Problems> {
    let event = json!({
        "version": "0", "id": "e1", "detail-type": "Deregister ECS Targets", "source": source,
        "account": "111122223333", "time": "2026-11-20T07:00:00Z", "region": "us-east-1", "resources": [],
        "detail": detail,
    });
    let event = envelope::read(event, &mut Problems::new()).unwrap();
    let function: FunctionArn = "arn:aws:lambda:us-east-1:111122223333:function:start-engines"
        .parse()
        .unwrap();
    let sender = Sender {
        event_id: Some("e1"),
        sent_at: None,
        source,
        function: Some(&function),
    };
    let mut problems = Problems::new();
    match read(&event, &sender, &Config::default(), &mut problems) {
        Some(request) if problems.is_empty() => Ok(request),
        _ => Err(problems),
    }
}

fn target(n: u16) -> GroupTarget {
    GroupTarget {
        group: GROUP.parse().unwrap(),
        target: Target {
            id: format!("10.0.0.{n}"),
            port: Port::try_from(i64::from(8000 + n)).unwrap(),
        },
    }
}

fn some_of(targets: usize) -> impl Strategy<Value = Vec<GroupTarget>> {
    let all: Vec<u16> = (0..u16::try_from(targets).unwrap()).collect();
    prop::sample::subsequence(all, 0..=targets).prop_map(|of| of.into_iter().map(target).collect())
}

prop_compose! {
    fn time()(millis in 0..4_000_000_000_000_i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }
}

prop_compose! {
    fn request()(number in 1..4_usize)(
        interfaces in prop::collection::vec(("eni-[0-9a-f]{17}", time(), prop::option::of(some_of(number))), 0..4),
        kept in some_of(number),
        search in prop::option::of((time(), 0..3_usize, prop::option::of("[ -~]{1,40}"), any::<bool>())),
        started_by in prop::option::of("[ -~]{1,40}"),
        happened_at in prop::option::of(time()),
        count in 1..=MAX_CONTINUATIONS,
        number in Just(number),
    ) -> DeregisterRequest {
        let seen = |(id, first_seen, kept_by_owner): (String, Timestamp, _)| SeenInterface {
            id: id.parse().unwrap(),
            first_seen,
            kept_by_owner,
        };
        let listed = [Listed::SameService, Listed::Running, Listed::Stopped];
        DeregisterRequest {
            task: FormerOwner {
                arn: TASK.parse().unwrap(),
                cluster: "engines".parse().unwrap(),
                started_by,
                interface: "eni-0123456789abcdef0".parse().unwrap(),
            },
            targets: (0..u16::try_from(number).unwrap()).map(target).collect(),
            progress: Progress {
                interfaces: interfaces.into_iter().map(seen).collect(),
                kept,
                search: search.map(|(began, n, page, is_second)| Search {
                    began,
                    clusters: "0123".to_owned(),
                    at: Place { listing: listed[n], cluster: "workers".parse().unwrap(), page, is_second },
                }),
            },
            count,
            happened_at,
            later: None,
        }
    }
}

proptest! {
    #[test]
    fn an_event_is_read_as_it_was_written(request in request()) {
        let detail = detail(&request).unwrap();
        prop_assert_eq!(read_back(&detail, SOURCE).map_err(|problems| problems.to_string()), Ok(request));
    }
}

#[test]
fn every_problem_is_reported_and_another_source_is_refused() {
    let problems = read_back(&json!({}), SOURCE).unwrap_err().to_string();
    for name in [
        "taskArn",
        "cluster",
        "networkInterfaceId",
        "targets",
        "count",
        "interfaces",
    ] {
        assert!(problems.contains(&format!("detail.{name} is missing")), "{problems}");
    }
    let detail = json!({
        "taskArn": TASK, "cluster": "engines", "networkInterfaceId": "eni-0123456789abcdef0", "count": 1,
        "targets": [{"targetGroupArn": GROUP, "id": "10.0.0.1", "port": 0}],
        "interfaces": [{"id": "eni-1", "firstSeen": "2026-11-20T07:00:00Z", "keptByOwner": [1]}],
        "kept": [-1],
        "search": {"began": "2026-11-20T07:00:00Z", "listing": "running"},
    });
    let problems = read_back(&detail, SOURCE).unwrap_err().to_string();
    for part in [
        "detail.targets[0].port = 0",
        "detail.interfaces[0].id = \"eni-1\"",
        "detail.interfaces[0].keptByOwner[0] = 1",
        "detail.kept[0] = -1",
        "detail.search.cluster is missing",
    ] {
        assert!(problems.contains(part), "{part}: {problems}");
    }
    let refused = read_back(&detail, "app.tests").unwrap_err();
    assert!(refused.only_not_allowed(), "{refused}");
}
