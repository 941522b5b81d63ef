//! The function itself: there, of the right architecture, with settings that this version reads, and the same catalog.

use serde_json::Value;

use crate::doctor::fact::Fact;
use crate::doctor::world::{Deployment, Function};
use crate::doctor::{Finding, Report};

/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html>: the runtime that the function is packed for.
const RUNTIME: &str = "provided.al2023";
const DEPLOY: &str = "deploy again (pulumi up)";

pub(super) fn check(deployment: &Deployment, findings: &mut Vec<Finding>) {
    let name = deployment.arn.name();
    let mut report = Report::new("function", name, findings);
    let absent = format!("the function {} does not exist", deployment.arn);
    let repair = "deploy it (pulumi up), or set START_ENGINES_FUNCTION to its ARN";
    let Some(function) = deployment.function.known(&mut report, &absent, repair) else {
        return;
    };
    state(function, &mut report);
    report.well(format!("there, and {}", function.state));
    architecture(function, name, findings);
    settings(deployment, findings);
    catalog(deployment, findings);
}

/// [State and LastUpdateStatus](https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html): an `Inactive` function
/// becomes `Active` by the next event. With a reserved concurrency of 0 Lambda runs nothing
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html>).
fn state(function: &Function, report: &mut Report<'_>) {
    let reason = function.state_reason.as_deref().unwrap_or("Lambda gives no reason");
    match function.state.as_str() {
        "Active" | "Inactive" => {}
        "Pending" => report.warning("is being created", "run doctor again in a minute"),
        state => report.failure(format!("is in state {state}: {reason}"), DEPLOY),
    }
    match function.last_update.as_str() {
        "Failed" => report.failure("its last update failed: the version before it runs", DEPLOY),
        "InProgress" => report.warning("is being updated", "run doctor again in a minute"),
        _ => {}
    }
    if function.reserved_concurrency == Some(0) {
        report.failure(
            "its reserved concurrency is 0: it runs nothing, and events go to the on-failure queue",
            "set reservedConcurrency to 4 or more, or leave it out; then start-engines redrive --all",
        );
    }
}

fn architecture(function: &Function, name: &str, findings: &mut Vec<Finding>) {
    let mut report = Report::new("architecture", name, findings);
    let architectures = function.architectures.join(", ");
    match (&function.built_for, function.architectures.as_slice()) {
        (Some(built), [one]) if built != one => report.failure(
            format!("is set to {one}, and its program was built for {built}"),
            format!("set architecture to {built}, or pack the function for {one} (make package ARCH={one})"),
        ),
        (None, _) => report.not_checked(
            format!("is set to {architectures}; for what its program was built could not be read"),
            "attach the policy doctorPolicyArn to your role, and let this computer reach S3",
        ),
        (Some(_), _) => {}
    }
    if function.runtime != RUNTIME {
        report.warning(
            format!("has the runtime {}, and is made for {RUNTIME}", function.runtime),
            DEPLOY,
        );
    }
    report.well(architectures);
}

fn settings(deployment: &Deployment, findings: &mut Vec<Finding>) {
    let mut report = Report::new("settings", deployment.arn.name(), findings);
    if deployment
        .function
        .get()
        .is_some_and(|function| function.environment.is_none())
    {
        report.not_checked(
            "Lambda shows no environment: you may not decrypt it",
            "allow kms:Decrypt with the key of the function (kmsKeyArn)",
        );
        return;
    }
    let environment = deployment
        .function
        .get()
        .and_then(|function| function.environment.as_ref());
    let path = |variable: &str| environment?.get(variable).filter(|path| !path.is_empty());
    let outside = ["SETTINGS_FILE", "SERVICES_FILE"].into_iter().filter_map(path);
    if let Some(path) = outside.into_iter().find(|path| !path.starts_with("/opt/")) {
        report.not_checked(
            format!("its variables name {path}, which is in no layer, and is not looked at"),
            "",
        );
        return;
    }
    match (deployment.config(), &deployment.files) {
        (Some(Ok(config)), _) => {
            for warning in config.warnings() {
                report.warning(warning, "name every cluster in full in clusters");
            }
            report.well("this version reads its environment and its layer");
        }
        (Some(Err(problems)), _) => {
            for problem in problems.iter() {
                report.failure(
                    format!("version {} cannot read {problem}", env!("CARGO_PKG_VERSION")),
                    format!("{DEPLOY}, or use the command of the version that is deployed"),
                );
            }
        }
        (None, Fact::Unread { why, repair }) => report.not_checked(why.as_str(), repair.as_str()),
        (None, Fact::Known(_) | Fact::Absent) => report.failure(
            "its variables name a file (SETTINGS_FILE, SERVICES_FILE) that is in none of its layers: it does not start",
            DEPLOY,
        ),
    }
}

fn catalog(deployment: &Deployment, findings: &mut Vec<Finding>) {
    let mut report = Report::new("catalog", deployment.arn.name(), findings);
    let Some(local) = &deployment.local_catalog else {
        report.not_checked(
            "the command has no catalog to compare with",
            "give --services, or set SERVICES_FILE",
        );
        return;
    };
    let Some(files) = deployment
        .files
        .known(&mut report, "the function has no layer: no catalog is deployed", DEPLOY)
    else {
        return;
    };
    let environment = deployment
        .function
        .get()
        .and_then(|function| function.environment.as_ref());
    let path = environment
        .and_then(|all| all.get("SERVICES_FILE"))
        .filter(|path| !path.is_empty());
    let Some(path) = path else {
        report.not_checked(
            "its variables name no catalog: one that is packed with its program is not looked at",
            "",
        );
        return;
    };
    let deployed = path.strip_prefix("/opt/").and_then(|name| files.get(name));
    let deployed: Option<Value> = deployed.and_then(|text| serde_json::from_str(text).ok());
    let Some(deployed) = deployed else {
        report.not_checked(format!("{path} is in none of its layers, or is no JSON"), DEPLOY);
        return;
    };
    let differing = differing(local, &deployed);
    if !differing.is_empty() {
        report.failure(
            format!(
                "the command's catalog differs from the deployed one in {}",
                differing.join(", ")
            ),
            "deploy yours (pulumi up), or take the deployed one: pulumi stack output catalog > services.json",
        );
    }
    report.well("the command's catalog is the deployed one");
}

/// The services that only one has, or that differ.
fn differing(local: &Value, deployed: &Value) -> Vec<String> {
    let (Some(one), Some(other)) = (local.as_object(), deployed.as_object()) else {
        return if local == deployed {
            Vec::new()
        } else {
            vec!["its form".to_owned()]
        };
    };
    let mut names: Vec<&String> = one.keys().chain(other.keys()).collect();
    names.sort();
    names.dedup();
    names.retain(|name| one.get(*name) != other.get(*name));
    names.into_iter().cloned().collect()
}
