//! Twelve faults, one at a time: each is named in one line, and `docs/operations.md` shows that line.

use super::*;

const PAGE: &str = include_str!("../../../../docs/operations.md");

/// A deployment with one thing wrong, and what must be told.
struct Planted {
    /// The row of the page.
    row: &'static str,
    deployed: Deployed,
    check: &'static str,
    level: &'static str,
    /// How many things have the fault: two subnets without a way out are told one by one.
    times: usize,
    /// Part of the repair.
    repair: &'static str,
}

impl Planted {
    fn failure(row: &'static str, deployed: Deployed, check: &'static str, repair: &'static str) -> Self {
        Self {
            row,
            deployed,
            check,
            level: "failure",
            times: 1,
            repair,
        }
    }

    /// The only findings that are not ok are of this check. The line that the command prints for the first of them.
    async fn line(&self) -> String {
        let row = self.row;
        let status = if self.level == "failure" { 3 } else { 0 };
        let mut found = self.deployed.unwell(status).await;
        // What is only not looked at, as the ways by which container instances pull images, is no fault.
        found.retain(|finding| finding["level"] != "not_checked");
        assert_eq!(found.len(), self.times, "{row}: {found:#?}");
        for finding in &found {
            assert_eq!(
                (&finding["check"], &finding["level"]),
                (&json!(self.check), &json!(self.level)),
                "{row}: {finding:#}"
            );
            let repair = finding["repair"].as_str().unwrap_or_default();
            assert!(repair.contains(self.repair), "{row}: {repair}");
        }
        let text = self.deployed.doctor(&["--quiet"]).await.must(status).out;
        let lines = printed(&text);
        assert_eq!(lines.len(), self.times, "{row}: {text}");
        lines.into_iter().next().expect("a line")
    }
}

/// The failures and warnings of the text, each in one line as it was before the text was wrapped, without level and repair.
fn printed(text: &str) -> Vec<String> {
    const LEVEL: usize = 13;
    let mut lines: Vec<String> = Vec::new();
    let mut is_message = false;
    for line in text.lines().filter(|line| line.len() > LEVEL) {
        let (level, rest) = line.split_at(LEVEL);
        match level.trim() {
            "FAILURE" | "warning" => {
                lines.push(rest.to_owned());
                is_message = true;
            }
            "" => {
                is_message &= !rest.starts_with("-> ");
                if let Some(last) = lines.last_mut().filter(|_| is_message) {
                    *last = format!("{last} {rest}");
                }
            }
            _ => is_message = false,
        }
    }
    lines
}

/// The rows of the page's table: what is wrong, and the line that it shows, in which `...` stands for anything.
fn rows() -> Vec<(String, String)> {
    let (_, after) = PAGE
        .split_once("| what is wrong | what `doctor` says |")
        .expect("the table");
    let rows = after.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let mut cells = row.trim_matches('|').split(" | ");
        let (wrong, says) = (cells.next().expect("a cell"), cells.next().expect("two cells"));
        let shown = says.split('`').nth(1).expect("a line in backticks");
        (wrong.trim().to_owned(), shown.to_owned())
    })
    .collect()
}

/// Whether a line is what the page shows.
fn is_shown(line: &str, shown: &str) -> bool {
    let mut parts = shown.split("...");
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in between {
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}

#[test]
fn what_a_page_shows_is_the_whole_line_but_for_its_gaps() {
    assert!(is_shown("a: sg-1 is shut, for b", "a: sg-... is shut, for b"));
    assert!(is_shown("a: b, c, d", "a: b, ..."));
    for other in [
        "a: sg-1 is shut, for c",
        "b: sg-1 is shut, for b",
        "a: sg-1 is open, for b",
    ] {
        assert!(!is_shown(other, "a: sg-... is shut, for b"), "{other}");
    }
    assert!(!is_shown("a: b, c", "a: b"));
}

#[tokio::test]
async fn each_planted_fault_is_named_in_one_line_as_the_page_shows_it() {
    let rows = rows();
    let mut planted = of_network().await;
    planted.extend(of_deployment().await);
    planted.extend(of_services().await);
    assert_eq!(planted.len(), 12);
    let mut named: Vec<&str> = planted.iter().map(|planted| planted.row).collect();
    let mut shown: Vec<&str> = rows.iter().map(|(wrong, _)| wrong.as_str()).collect();
    named.sort_unstable();
    shown.sort_unstable();
    assert_eq!(named, shown, "the page and this test");
    for planted in &planted {
        let line = planted.line().await;
        let (_, shown) = rows.iter().find(|(wrong, _)| wrong == planted.row).expect("a row");
        assert!(
            is_shown(&line, shown),
            "{}: the page shows\n{shown}\nand doctor says\n{line}",
            planted.row
        );
    }
}

async fn of_network() -> Vec<Planted> {
    let closed = Deployed::sound("closed")
        .await
        .change(|world| world.described_mut("security group", TASKS)["ipPermissions"] = json!([]));
    let zone = Deployed::sound("zone")
        .await
        .change(|world| world.described_mut("subnet", SUBNETS[1])["availabilityZone"] = json!("us-east-1c"));
    let shut = Deployed::sound("shut").await.change(|world| {
        let table = world.described_mut("route table", "rtb-0a1b2c3d4e5f60718");
        table["routeSet"].as_array_mut().expect("routes").pop();
        table["associationSet"] = json!([{"main": true}, {"subnetId": SUBNETS[0]}]);
    });
    let mut shut = Planted::failure("no way out", shut, "way out", "add a NAT gateway");
    shut.times = SUBNETS.len();
    vec![
        Planted::failure(
            "a closed security group",
            closed,
            "security groups",
            "aws ec2 authorize-security-group-ingress --group-id sg-0a1b2c3d4e5f60718 --protocol tcp --port 8080 \
             --source-group sg-0b1c2d3e4f5a60718",
        ),
        Planted::failure(
            "a subnet in another zone",
            zone,
            "subnets",
            "enable us-east-1c in the load balancer",
        ),
        shut,
    ]
}

async fn of_deployment() -> Vec<Planted> {
    let rule = "engines/start-engines-requests";
    let pass = Deployed::sound("pass")
        .await
        .change(|world| world.take_away("permit", &format!("iam:PassRole {EXECUTION}")));
    let disabled = Deployed::sound("disabled")
        .await
        .change(|world| world.described_mut("rule", rule)["State"] = json!("DISABLED"));
    let forbidden = Deployed::sound("forbidden").await.change(|world| {
        let policy = json!({"Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
            "Action": "lambda:InvokeFunction", "Condition": {"ArnLike": {"AWS:SourceArn": CHANGES}}}]});
        world.describe("policy", "start-engines", json!({"Policy": policy.to_string()}));
    });
    let catalog = Deployed::sound("catalog").await;
    let other = json!({"auth": entry(&catalog.stage.group), "billing": entry(&catalog.stage.group)});
    std::fs::write(&catalog.catalog, other.to_string()).expect("a file");
    vec![
        Planted::failure("a role that cannot be passed", pass, "permissions", "taskRoles"),
        Planted::failure(
            "a rule that is disabled",
            disabled,
            "rule",
            "aws events enable-rule --name start-engines-requests --event-bus-name engines",
        ),
        Planted::failure("a rule without permission", forbidden, "permission", "deploy again"),
        Planted::failure(
            "another catalog than the deployed one",
            catalog,
            "catalog",
            "deploy yours",
        ),
    ]
}

async fn of_services() -> Vec<Planted> {
    let unhealthy = Deployed::sound("path").await;
    let group = unhealthy.stage.group.clone();
    let unhealthy = unhealthy.change(|world| {
        world.register(&group, "10.0.0.7", 8080);
        let health = json!({"State": "unhealthy", "Reason": "Target.ResponseCodeMismatch",
            "Description": "Health checks failed with these codes: [404]"});
        world.describe("target health", "10.0.0.7", health);
    });
    // The other port is open, so that only the mapping is wrong.
    let port = Deployed::with("port", json!({"port": 9999})).await.change(|world| {
        let open = json!({"ipProtocol": "tcp", "fromPort": 9999, "toPort": 9999, "groups": [{"groupId": OF_BALANCER}]});
        world.described_mut("security group", TASKS)["ipPermissions"] = json!([open]);
    });
    let port = Planted {
        level: "warning",
        ..Planted::failure("a wrong container port", port, "port", "correct the service's port")
    };
    let unused = Deployed::sound("unused").await;
    let group = unused.stage.group.clone();
    let unused = unused.change(|world| world.detach_load_balancer(&group));
    let image = Deployed::sound("image").await.change(|world| {
        world.take_away("image", "auth:7");
        world.describe("image", "auth:6", json!({"imageTags": ["6"]}));
    });
    let strategy = json!({"launchType": null, "capacityProviderStrategy": [{"capacityProvider": "own", "weight": 1}]});
    let empty = Deployed::with("empty", strategy).await.change(|world| {
        world.add_capacity_provider("engines", "own");
        let group = json!({"autoScalingGroupArn": "arn:aws:autoscaling:us-east-1:111122223333:autoScalingGroup:1:autoScalingGroupName/own",
            "managedScaling": {"status": "DISABLED"}});
        world.describe("capacity provider", "own", json!({"name": "own", "status": "ACTIVE", "autoScalingGroupProvider": group}));
    });
    vec![
        Planted::failure(
            "a wrong path or code of the health check",
            unhealthy,
            "target health",
            "check the health check's path and the codes that pass",
        ),
        port,
        Planted::failure("no listener or rule", unused, "target group", "aws elbv2 create-rule"),
        Planted::failure("an image that cannot be pulled", image, "image", "push it"),
        Planted::failure(
            "an empty capacity provider",
            empty,
            "capacity",
            "turn its managed scaling on",
        ),
    ]
}
