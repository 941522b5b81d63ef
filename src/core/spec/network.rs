//! Reads the network configuration of a start: the flat fields `subnets`, `securityGroups` and `assignPublicIp`, or
//! RunTask's nested `networkConfiguration` with the same meaning.

use serde_json::Value;

use crate::call::run_task::{MAX_SECURITY_GROUPS, MAX_SUBNETS};
use crate::domain::arn::{SecurityGroupId, SubnetId};
use crate::input::fields::Fields;
use crate::input::problem::Problems;

/// The network configuration that one source gives.
#[derive(Debug, Default)]
pub(crate) struct Network {
    pub(crate) subnets: Option<Vec<SubnetId>>,
    pub(crate) security_groups: Option<Vec<SecurityGroupId>>,
    pub(crate) assign_public_ip: Option<&'static str>,
}

const FLAT: [&str; 3] = ["subnets", "securityGroups", "assignPublicIp"];

/// The subnets, security groups and `assignPublicIp` of a start.
pub(crate) fn read(fields: &mut Fields<'_>, problems: &mut Problems) -> Network {
    let flat = awsvpc(fields, problems);
    nested(fields, &FLAT, problems, awsvpc).unwrap_or(flat)
}

/// The subnets of a fallback, which has no security groups of its own.
pub(crate) fn read_subnets(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Vec<SubnetId>> {
    let flat = subnets(fields, problems);
    nested(fields, &FLAT[..1], problems, |fields, problems| {
        for name in &FLAT[1..] {
            if let Some(value) = fields.raw(name) {
                let rule = "a fallback can give only subnets here: everything else is as in the start";
                problems.invalid(fields.at(name), value, rule);
            }
        }
        subnets(fields, problems)
    })
    .unwrap_or(flat)
}

fn awsvpc(fields: &mut Fields<'_>, problems: &mut Problems) -> Network {
    Network {
        subnets: subnets(fields, problems),
        security_groups: fields.parsed_list("securityGroups", MAX_SECURITY_GROUPS, problems),
        assign_public_ip: fields.one_of("assignPublicIp", &["ENABLED", "DISABLED"], problems),
    }
}

fn subnets(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Vec<SubnetId>> {
    fields.parsed_list("subnets", MAX_SUBNETS, problems)
}

/// `networkConfiguration.awsvpcConfiguration`, if it is given
/// ([NetworkConfiguration](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_NetworkConfiguration.html)).
fn nested<T>(
    fields: &mut Fields<'_>,
    flat: &[&'static str],
    problems: &mut Problems,
    read: impl FnOnce(&mut Fields<'_>, &mut Problems) -> T,
) -> Option<T> {
    let value = fields.raw("networkConfiguration")?;
    let place = fields.at("networkConfiguration");
    if flat.iter().any(|name| fields.raw(name).is_some()) {
        let rule = format!("give either networkConfiguration or {}", in_words(flat));
        problems.invalid(place.clone(), value, rule);
    }
    let read = of_configuration(value, &place, problems, read);
    if problems.mentions(&place) {
        // That problem may be why there are no subnets, so they are not reported as missing.
        problems.misnamed(fields.at("subnets"));
    }
    read
}

fn of_configuration<T>(
    value: &Value,
    place: &str,
    problems: &mut Problems,
    read: impl FnOnce(&mut Fields<'_>, &mut Problems) -> T,
) -> Option<T> {
    let mut outer = Fields::of(value, place, problems)?;
    let inner = outer.raw("awsvpcConfiguration");
    let place = outer.at("awsvpcConfiguration");
    outer.deny_unknown(problems);
    let mut inner = Fields::of(inner?, &place, problems)?;
    let read = read(&mut inner, problems);
    inner.deny_unknown(problems);
    Some(read)
}

fn in_words(names: &[&str]) -> String {
    match names {
        [others @ .., last] if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        names => names.concat(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_of(value: &Value) -> (Network, Vec<String>) {
        let mut problems = Problems::new();
        let mut fields = Fields::of(value, "detail", &mut problems).unwrap();
        let network = read(&mut fields, &mut problems);
        fields.deny_unknown(&mut problems);
        (network, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_nested_form_is_read_as_the_flat_one() {
        let flat = json!({"subnets": ["subnet-0a1b2c3d4e5f60718"], "securityGroups": ["sg-0a1b2c3d4e5f60718"], "assignPublicIp": "ENABLED"});
        let nested = json!({"networkConfiguration": {"awsvpcConfiguration": flat}});
        for value in [flat, nested] {
            let (network, problems) = read_of(&value);
            assert!(problems.is_empty(), "{problems:?}");
            assert_eq!(network.subnets.unwrap().len(), 1);
            assert_eq!(network.security_groups.unwrap().len(), 1);
            assert_eq!(network.assign_public_ip, Some("ENABLED"));
        }
        for empty in [
            json!({"networkConfiguration": {}}),
            json!({"networkConfiguration": null}),
        ] {
            let (network, problems) = read_of(&empty);
            assert!(problems.is_empty() && network.subnets.is_none(), "{problems:?}");
        }
    }

    #[test]
    fn both_forms_at_once_are_a_problem() {
        for flat in [json!({"subnets": []}), json!({"assignPublicIp": "DISABLED"})] {
            let mut value = flat;
            value["networkConfiguration"] = json!({"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60718"]}});
            let (_, problems) = read_of(&value);
            assert_eq!(
                problems,
                [
                    "detail.networkConfiguration = an object of 1 fields: give either networkConfiguration or subnets, \
                     securityGroups and assignPublicIp"
                ]
            );
        }
    }

    #[test]
    fn problems_inside_are_reported_with_their_path() {
        let (_, problems) = read_of(&json!({"networkConfiguration": {"awsvpcConfiguration": {
            "subnets": ["x"], "Subnets": [], "assignPublicIp": true}, "other": 1}}));
        let fields: Vec<&str> = problems
            .iter()
            .map(|problem| problem.split(" = ").next().unwrap())
            .collect();
        assert_eq!(
            fields,
            [
                "detail.networkConfiguration.other",
                "detail.networkConfiguration.awsvpcConfiguration.subnets[0]",
                "detail.networkConfiguration.awsvpcConfiguration.assignPublicIp",
                "detail.networkConfiguration.awsvpcConfiguration.Subnets",
            ]
        );
    }

    #[test]
    fn a_fallback_reads_nothing_but_subnets_from_it() {
        let awsvpc = json!({"subnets": ["subnet-0a1b2c3d4e5f60718"], "assignPublicIp": "ENABLED"});
        let value = json!({"networkConfiguration": {"awsvpcConfiguration": awsvpc}});
        let mut problems = Problems::new();
        let mut fields = Fields::of(&value, "detail.fallbacks[0]", &mut problems).unwrap();
        assert_eq!(read_subnets(&mut fields, &mut problems).unwrap().len(), 1);
        assert_eq!(
            problems.to_string(),
            "1 problem: detail.fallbacks[0].networkConfiguration.awsvpcConfiguration.assignPublicIp = \"ENABLED\": \
             a fallback can give only subnets here: everything else is as in the start"
        );
    }
}
