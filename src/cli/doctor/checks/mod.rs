//! The checks, each a pure function of what was read.

mod alarms;
mod capacity;
mod definition;
mod endpoints;
mod firewall;
mod function;
mod groups;
mod home;
mod later;
mod parts;
mod queues;
mod roles;
mod routes;
mod rules;
mod subnets;

use start_engines_core::input::problem::{Kind, Problems};
use start_engines_core::request::start::StartRequest;

pub(crate) use self::home::elsewhere;
pub(crate) use self::parts::is_secret;
pub(crate) use self::roles::{asks, asks_of_deployment};
use super::world::{Account, FromEvent, World};
use super::{Finding, Report};

/// All findings: those of the deployment, then those of each service.
pub(crate) fn all(world: &World) -> Vec<Finding> {
    let mut findings = Vec::new();
    let deployment = &world.deployment;
    home::check(world, &mut findings);
    function::check(deployment, &mut findings);
    rules::check(deployment, &mut findings);
    queues::check(deployment, &mut findings);
    alarms::check(deployment, &mut findings);
    later::check(deployment, &world.account, &mut findings);
    routes::of_function(deployment, &world.account, &mut findings);
    roles::check_deployment(deployment, &world.account, &mut findings);
    for service in &world.services {
        let about = format!("service {}", service.name);
        let mut report = Report::new("start", &about, &mut findings);
        let start = match &service.start {
            Ok(start) => start,
            Err(problems) => {
                let left = left_to_the_event(problems, &service.from_event);
                if !left.is_empty() {
                    report.not_checked(
                        format!(
                            "the catalog entry leaves {} to the event: nothing else of it is looked at",
                            left.join(", ")
                        ),
                        "",
                    );
                    continue;
                }
                for problem in problems.iter() {
                    let repair = "correct the entry of the catalog, or the settings";
                    report.failure(format!("the function refuses its start: {problem}"), repair);
                }
                continue;
            }
        };
        report.well("the function accepts its start");
        let of = OfService {
            about: &about,
            start,
            account: &world.account,
            role: deployment.function.get().map(|function| function.role.as_str()),
        };
        capacity::check(&of, &mut findings);
        definition::check(&of, &mut findings);
        groups::check(&of, &mut findings);
        subnets::check(&of, &mut findings);
        firewall::check(&of, &mut findings);
        routes::check(&of, &mut findings);
        parts::check(&of, &mut findings);
        roles::check(&of, &mut findings);
    }
    findings
}

/// The fields that an entry lacks, if that is all that is wrong, and an event may give each of them.
fn left_to_the_event<'p>(problems: &'p Problems, from_event: &FromEvent) -> Vec<&'p str> {
    let mut fields: Vec<&str> = Vec::new();
    for problem in problems.iter() {
        let path = problem.field.strip_prefix("detail.").unwrap_or(&problem.field);
        let name = path.split(['.', '[']).next().unwrap_or(path);
        let may_come = match from_event {
            FromEvent::All => true,
            FromEvent::Only(names) => names.contains(&name),
        };
        if problem.value.is_some() || problem.kind != Kind::Invalid || !may_come {
            return Vec::new();
        }
        if !fields.contains(&name) {
            fields.push(name);
        }
    }
    fields
}

/// A service, and what it is made of.
pub(crate) struct OfService<'a> {
    about: &'a str,
    start: &'a StartRequest,
    account: &'a Account,
    /// The function's role, if it is known.
    role: Option<&'a str>,
}

impl OfService<'_> {
    fn report<'f>(&self, check: &'static str, findings: &'f mut Vec<Finding>) -> Report<'f> {
        Report::new(check, self.about, findings)
    }
}
