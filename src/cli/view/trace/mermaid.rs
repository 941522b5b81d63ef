//! A story as a Gantt chart for Mermaid ([syntax](https://mermaid.js.org/syntax/gantt.html)), to be pasted into a text.
//!
//! Each step is a bar from the step before it; a section for the start, and one for each task.

use std::fmt::Write;

use start_engines_core::domain::arn::TaskArn;
use start_engines_core::domain::timestamp::Timestamp;

use super::title;
use crate::trace::Moment;
use crate::trace::evidence::Evidence;
use crate::trace::story::Story;

/// Characters of a detail: a bar has little room.
const MAX_CHARACTERS: usize = 80;

/// The chart.
#[must_use]
pub fn chart(evidence: &Evidence, story: &Story) -> String {
    let mut chart = String::from("gantt\n");
    // To a text that is never full.
    let _ = writeln!(chart, "    title {}", plain(&title(evidence)));
    chart.push_str("    dateFormat x\n    axisFormat %H:%M:%S\n");
    let of_start = story.moments.iter().filter(|moment| moment.task.is_none());
    section(&mut chart, "start", of_start);
    let mut tasks: Vec<&TaskArn> = story.moments.iter().filter_map(|moment| moment.task.as_ref()).collect();
    tasks.sort_unstable();
    tasks.dedup();
    for task in tasks {
        let own = story.moments.iter().filter(|moment| moment.task.as_ref() == Some(task));
        let name: String = task.id().chars().take(super::SHOWN_ID).collect();
        section(&mut chart, &format!("task {name}"), own);
    }
    chart
}

fn section<'m>(chart: &mut String, name: &str, moments: impl Iterator<Item = &'m Moment>) {
    let mut before: Option<Timestamp> = None;
    for moment in moments {
        if before.is_none() {
            let _ = writeln!(chart, "    section {}", plain(name));
        }
        let mut label = moment.what.word().to_owned();
        if !moment.detail.is_empty() {
            let detail: String = moment.detail.chars().take(MAX_CHARACTERS).collect();
            let _ = write!(label, ", {detail}");
        }
        let kind = if moment.what.is_bad() { "crit, " } else { "" };
        let to = moment.at.millis();
        // A bar without a length is not drawn.
        let time = match before.filter(|before| before.millis() < to) {
            Some(before) => format!("{kind}{}, {to}", before.millis()),
            None => format!("{kind}milestone, {to}, 0ms"),
        };
        let _ = writeln!(chart, "    {} :{time}", plain(&label));
        before = Some(moment.at);
    }
}

/// A text without what ends a label, or begins a comment or another statement.
fn plain(text: &str) -> String {
    let plain = |c: char| {
        if ":;#%,\"<>{}".contains(c) || c.is_control() {
            ' '
        } else {
            c
        }
    };
    let text: String = text.chars().map(plain).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_mermaid_reads_as_syntax_is_taken_out_of_texts() {
        assert_eq!(plain("a: b; c # d\n%% e, \"f\" <g>"), "a b c d e f g");
    }
}
