//! What `doctor` has found, check by check, as text of at most 100 columns and as JSON.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::doctor::{Finding, Level};
use crate::terminal::table::{LONG, Tone, WIDTH, counted, printable, wrap, write_wrapped};

/// Columns of the level, before what was found.
const INDENT: usize = 13;

/// How many findings there are of each level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) failures: usize,
    pub(crate) warnings: usize,
    pub(crate) not_checked: usize,
    pub(crate) ok: usize,
}

impl Counts {
    pub(crate) fn of(findings: &[Finding]) -> Self {
        let of = |level: Level| findings.iter().filter(|finding| finding.level == level).count();
        Self {
            failures: of(Level::Failure),
            warnings: of(Level::Warning),
            not_checked: of(Level::NotChecked),
            ok: of(Level::Ok),
        }
    }
}

/// Prints the findings; with `quiet` only those that are not well. Without `services` none was looked at.
///
/// # Errors
/// Those of writing.
pub(crate) fn write_table(
    deployment: &str,
    services: Option<usize>,
    findings: &[Finding],
    quiet: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let counts = Counts::of(findings);
    let heading = format!(
        "Deployment {}{}: {}, {}, {} not checked, {} ok",
        printable(deployment),
        services.map_or_else(String::new, |count| format!(" and {}", counted(count, "service"))),
        counted(counts.failures, "failure"),
        counted(counts.warnings, "warning"),
        counts.not_checked,
        counts.ok
    );
    write_wrapped(out, Tone::Head, &heading)?;
    let mut lines = 0;
    let mut about = "";
    for finding in findings.iter().filter(|finding| !quiet || finding.level != Level::Ok) {
        if finding.about != about {
            about = &finding.about;
            writeln!(out)?;
            write_wrapped(out, Tone::Head, about)?;
        }
        lines += write_finding(finding, out)?;
    }
    if lines > LONG {
        writeln!(out)?;
        write_wrapped(out, Tone::Head, &heading)?;
    }
    Ok(())
}

fn write_finding(finding: &Finding, out: &mut impl Write) -> io::Result<usize> {
    let (word, tone) = match finding.level {
        Level::Ok => ("ok", Tone::Good),
        Level::NotChecked => ("not checked", Tone::Plain),
        Level::Warning => ("warning", Tone::Busy),
        Level::Failure => ("FAILURE", Tone::Bad),
    };
    let mut lines = wrap(&format!("{}: {}", finding.check, finding.message), WIDTH - INDENT);
    if !finding.repair.is_empty() {
        lines.extend(wrap(&format!("-> {}", finding.repair), WIDTH - INDENT));
    }
    for (n, line) in lines.iter().enumerate() {
        let begin = if n == 0 { word } else { "" };
        writeln!(out, "{}{line}", tone.paint(&format!("{begin:<INDENT$}")))?;
    }
    Ok(lines.len())
}

/// The findings as the JSON that `docs/command.md` documents.
pub(crate) fn json(function: &str, findings: &[Finding], quiet: bool) -> Value {
    let counts = Counts::of(findings);
    let shown = findings.iter().filter(|finding| !quiet || finding.level != Level::Ok);
    let shown = shown.map(|finding| {
        json!({
            "check": finding.check,
            "level": finding.level.name(),
            "about": finding.about,
            "message": finding.message,
            "repair": Some(&finding.repair).filter(|repair| !repair.is_empty()),
        })
    });
    json!({
        "function": function,
        "failures": counts.failures,
        "warnings": counts.warnings,
        "notChecked": counts.not_checked,
        "ok": counts.ok,
        "findings": shown.collect::<Value>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(level: Level, message: &str, repair: &str) -> Finding {
        Finding {
            check: "rule",
            level,
            about: "request rule".to_owned(),
            message: message.to_owned(),
            repair: repair.to_owned(),
        }
    }

    fn text(findings: &[Finding], quiet: bool) -> String {
        let mut out = Vec::new();
        write_table("start-engines", Some(2), findings, quiet, &mut out).unwrap();
        anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string()
    }

    #[test]
    fn each_finding_has_its_level_and_its_repair_below() {
        let findings = [
            finding(Level::Ok, "r is ENABLED", ""),
            finding(Level::Failure, "r is DISABLED", "enable it"),
        ];
        assert_eq!(
            text(&findings, false),
            "Deployment start-engines and 2 services: 1 failure, 0 warnings, 0 not checked, 1 ok\n\n\
             request rule\n\
             ok           rule: r is ENABLED\n\
             FAILURE      rule: r is DISABLED\n             -> enable it\n"
        );
        let quiet = text(&findings, true);
        assert!(quiet.contains("FAILURE") && !quiet.contains("ENABLED"), "{quiet}");
    }

    #[test]
    fn no_line_is_wider_than_a_hundred_columns_and_none_has_control_characters() {
        let long = format!("{} \u{1b}[31m {}", "word ".repeat(50), "x".repeat(300));
        let text = text(&[finding(Level::Warning, &long, &long)], false);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert!(!text.contains('\u{1b}'));
    }
}
