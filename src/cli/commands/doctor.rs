//! `doctor`: checks a deployment and its services. Only reads.

use serde_json::Value;

use crate::args::Doctor;
use crate::command_error::CommandError;
use crate::doctor::survey::{Survey, Told};
use crate::doctor::{Level, checks};
use crate::event::Known;
use crate::session::{Session, parsed, read};
use crate::terminal::progress::Counting;
use crate::terminal::screen::out_by;
use crate::terminal::table::counted;
use crate::view::doctor::{self, Counts};

/// Prints every finding; fails if one of them is a failure.
pub(crate) async fn doctor(session: &Session, options: Doctor) -> Result<(), CommandError> {
    let known = session.known()?;
    let told = told(session, &known, &options)?;
    let counting = Counting::on(session.screen);
    let clients = session.clients().await?;
    let reads = clients.reads();
    let survey = Survey::new(&reads, &counting);
    let looker = survey.looker().await;
    let (services, findings) = match checks::elsewhere(&looker, &told.function) {
        Some(finding) => (None, vec![finding]),
        None => {
            let world = survey.world(looker, &told).await;
            (Some(world.services.len()), checks::all(&world))
        }
    };
    counting.end();
    if session.screen.is_json() {
        let json = doctor::json(told.function.as_str(), &findings, options.quiet);
        session.screen.result("", &json);
    } else {
        let name = told.function.name();
        out_by(|out| doctor::write_table(name, services, &findings, options.quiet, out));
    }
    // Whether the function accepts a start is told without a call.
    let is_blind = findings
        .iter()
        .all(|finding| finding.level == Level::NotChecked || finding.check == "start");
    match Counts::of(&findings).failures {
        0 if is_blind => Err(CommandError::Aws(
            "nothing could be looked at: see what each line asks for".to_owned(),
        )),
        0 => Ok(()),
        failures => Err(CommandError::NotWell(format!(
            "{}: each with its repair above",
            counted(failures, "failure")
        ))),
    }
}

/// What the options and variables say of the deployment.
fn told(session: &Session, known: &Known, options: &Doctor) -> Result<Told, CommandError> {
    let function = known.function.clone().ok_or_else(|| {
        CommandError::Usage(
            "no deployment is given: give --function with the function's ARN, or set START_ENGINES_FUNCTION; the \
             output commandEnvironment has it with all that doctor looks at"
                .to_owned(),
        )
    })?;
    if let Some(name) = options.service.as_deref().filter(|_| known.catalog)
        && known.config.catalog.get(name).is_none()
    {
        let rule = known.config.catalog.rule();
        return Err(CommandError::Usage(format!("SERVICE = {name:?}: {rule}")));
    }
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let parts = &options.parts;
    let failed = [
        ("on-failure queue", given(&parts.queues.on_failure_queue_url)),
        (
            "rule dead-letter queue",
            given(&parts.queues.rule_dead_letter_queue_url),
        ),
        (
            "scheduler dead-letter queue",
            given(&parts.queues.scheduler_dead_letter_queue_url),
        ),
        (
            "request dead-letter queue",
            given(&parts.queues.request_dead_letter_queue_url),
        ),
        (
            "state-change dead-letter queue",
            given(&parts.queues.state_change_dead_letter_queue_url),
        ),
    ];
    let names = |text: &String| {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.map(str::to_owned).collect()
    };
    Ok(Told {
        function,
        request_rule: rule("--request-rule", given(&parts.request_rule))?,
        state_change_rule: rule("--state-change-rule", given(&parts.state_change_rule))?,
        request_queue: given(&parts.request_queue_url),
        state_change_queue: given(&parts.state_change_queue_url),
        failed: failed
            .into_iter()
            .filter_map(|(label, url)| Some((label, url?)))
            .collect(),
        alarms: parts.alarms.as_ref().map(names),
        catalog: catalog(session)?,
        config: known.config.clone(),
        service: options.service.clone(),
    })
}

/// The ARN of a rule.
fn rule(option: &str, text: Option<String>) -> Result<Option<String>, CommandError> {
    #[derive(Debug)]
    struct RuleArn(String);
    impl std::str::FromStr for RuleArn {
        type Err = &'static str;
        fn from_str(text: &str) -> Result<Self, &'static str> {
            let is_rule = text.starts_with("arn:") && text.contains(":events:") && text.contains(":rule/");
            is_rule
                .then(|| Self(text.to_owned()))
                .ok_or("must be the ARN of a rule of EventBridge")
        }
    }
    Ok(parsed(option, text.as_deref())?.map(|RuleArn(arn)| arn))
}

/// The catalog that the command has. It is valid: the configuration was read from it.
fn catalog(session: &Session) -> Result<Option<Value>, CommandError> {
    let text = session.global.services.as_deref().map(read).transpose()?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}
