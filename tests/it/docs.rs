//! The documentation as a whole: its links, the make targets that it names, and the README's length.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use start_engines_core::domain::task::FailedStart;
use start_engines_core::outcome::{Category, Skip};

const MAX_README_LINES: usize = 150;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// `docs/*.md`, in order.
fn pages() -> Vec<String> {
    let files = fs::read_dir(root().join("docs")).expect("the folder");
    let names = files.map(|file| file.expect("a file").file_name().into_string().expect("text"));
    let mut pages: Vec<String> = names
        .filter(|name| name.ends_with(".md"))
        .map(|name| format!("docs/{name}"))
        .collect();
    pages.sort();
    pages
}

/// Everything that is checked here.
fn documents() -> Vec<String> {
    let mut documents = pages();
    documents.extend(["README.md", "pulumi/README.md", "fixtures/README.md"].map(str::to_owned));
    documents
}

/// The prose, and the code: what is between fences or backticks.
fn split(text: &str) -> (String, Vec<String>) {
    let (mut prose, mut code) = (String::new(), Vec::new());
    let mut in_fence = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_fence = !in_fence;
        } else if in_fence {
            code.push(line.to_owned());
        } else {
            for (place, part) in line.split('`').enumerate() {
                if place % 2 == 0 {
                    prose.push_str(part);
                } else {
                    code.push(part.to_owned());
                }
            }
            prose.push('\n');
        }
    }
    (prose, code)
}

/// Where links and pictures lead, but for other sites.
fn links(text: &str) -> Vec<String> {
    let (prose, _) = split(text);
    let targets = prose.split("](").skip(1);
    targets
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.to_owned())
        .filter(|target| !target.contains("://"))
        .collect()
}

/// The anchors of all headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let mut in_fence = false;
    for line in text.lines() {
        in_fence ^= line.trim_start().starts_with("```");
        let level = line.chars().take_while(|character| *character == '#').count();
        let Some(heading) = line[level..].strip_prefix(' ').filter(|_| level > 0 && !in_fence) else {
            continue;
        };
        let kept = heading.trim().chars().filter_map(|character| match character {
            ' ' => Some('-'),
            '-' | '_' => Some(character),
            _ => character.is_alphanumeric().then_some(character),
        });
        let anchor: String = kept.flat_map(char::to_lowercase).collect();
        // A second heading of the same text gets a number.
        let numbered = (0..).map(|number| match number {
            0 => anchor.clone(),
            _ => format!("{anchor}-{number}"),
        });
        let free = numbered.into_iter().find(|anchor| !anchors.contains(anchor));
        anchors.extend(free);
    }
    anchors
}

/// A path of the project without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                normal.pop();
            }
            Component::CurDir => {}
            _ => normal.push(part),
        }
    }
    normal
}

/// What a link of a document leads to: a path of the project, and an anchor there.
fn target(document: &str, link: &str) -> (PathBuf, Option<String>) {
    let (path, anchor) = match link.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor.to_owned())),
        None => (link, None),
    };
    let folder = Path::new(document).parent().expect("a folder");
    let path = match path {
        "" => PathBuf::from(document),
        path => normal(&folder.join(path)),
    };
    (path, anchor)
}

/// The links of a document that lead nowhere.
fn broken_links(document: &str, text: &str) -> Vec<String> {
    let leads = |link: &String| {
        let (path, anchor) = target(document, link);
        let Some(anchor) = anchor else {
            return root().join(path).exists();
        };
        let read = fs::read_to_string(root().join(&path));
        let text = if path == Path::new(document) {
            text.to_owned()
        } else {
            read.unwrap_or_default()
        };
        anchors(&text).contains(&anchor)
    };
    links(text).into_iter().filter(|link| !leads(link)).collect()
}

/// What is after `make` in code.
fn make_targets(text: &str) -> Vec<String> {
    let (_, code) = split(text);
    let words: Vec<Vec<&str>> = code.iter().map(|code| code.split_whitespace().collect()).collect();
    let pairs = words.iter().flat_map(|words| words.windows(2));
    pairs
        .filter(|pair| pair[0] == "make")
        .map(|pair| pair[1].to_owned())
        .collect()
}

/// The targets of the Makefile.
fn targets(makefile: &str) -> BTreeSet<&str> {
    let names = makefile.lines().filter_map(|line| line.split_once(':'));
    names
        .map(|(name, _)| name)
        .filter(|name| !name.contains([' ', '\t', '=', '.']))
        .collect()
}

/// The make targets of a text that do not exist.
fn unknown_targets(text: &str, makefile: &str) -> Vec<String> {
    let targets = targets(makefile);
    let mut named = make_targets(text);
    named.retain(|name| !targets.contains(name.as_str()));
    named
}

#[test]
fn the_readme_is_read_in_ten_minutes() {
    let lines = read("README.md").lines().count();
    assert!(lines <= MAX_README_LINES, "{lines} lines");
}

#[test]
fn every_link_leads_somewhere() {
    let mut found = 0;
    for document in documents() {
        let text = read(&document);
        assert_eq!(broken_links(&document, &text), [""; 0], "{document}");
        found += links(&text).len();
    }
    assert!(found > 60, "{found}");
}

#[test]
fn the_readme_links_every_page() {
    let readme = read("README.md");
    let linked: BTreeSet<PathBuf> = links(&readme).iter().map(|link| target("README.md", link).0).collect();
    let pages = pages();
    assert!(pages.len() > 10, "{pages:?}");
    for page in pages {
        assert!(linked.contains(Path::new(&page)), "the README does not link {page}");
    }
}

#[test]
fn every_make_target_that_is_named_exists() {
    let makefile = read("Makefile");
    let mut found = 0;
    for document in documents() {
        let text = read(&document);
        assert_eq!(unknown_targets(&text, &makefile), [""; 0], "{document}");
        found += make_targets(&text).len();
    }
    assert!(found > 40, "{found}");
}

#[test]
fn links_that_lead_nowhere_and_targets_that_do_not_exist_are_found() {
    let text = "# One `two`, three\n\n## One two three\n## One two three\n```sh\n# no heading\nmake demo\n```\n\
        [a](#one-two-three) [b](#one-two-three-2) [c](../README.md#deploy) [d](events.md) [e](https://example.com)\n\
        [f](#no-heading) [g](#one-two-three-3) [h](../README.md#nowhere) [i](nowhere.md) [j](nowhere.md#deploy) `[k](l)`\n\
        `make test` and `SEED=7 make seedz`: we make nothing";
    let broken = [
        "#no-heading",
        "#one-two-three-3",
        "../README.md#nowhere",
        "nowhere.md",
        "nowhere.md#deploy",
    ];
    assert_eq!(broken_links("docs/page.md", text), broken);
    assert_eq!(unknown_targets(text, "demo: package ##\ntest:\n"), ["seedz"]);
}

/// The rows of the first table after `heading`: what is in backticks in the first cell, and the last cell.
fn table<'p>(page: &'p str, heading: &str) -> Vec<(Vec<&'p str>, &'p str)> {
    let (_, rest) = page.split_once(heading).unwrap_or_else(|| panic!("no {heading}"));
    let lines = rest.lines().skip_while(|line| !line.starts_with('|')).skip(2);
    let rows = lines.take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let names = cells[0].split('`').skip(1).step_by(2).collect();
        (names, cells[cells.len() - 1])
    })
    .collect()
}

#[test]
fn every_category_of_a_failure_has_a_row_that_says_whether_a_retry_helps() {
    let page = read("docs/operations.md");
    let mut documented: BTreeSet<(&str, bool)> = BTreeSet::new();
    for (names, retry) in table(&page, "# Operations") {
        // An array fails for several reasons: a retry helps if it helps one of them.
        let helps = retry.starts_with("yes");
        documented.extend(names.into_iter().map(|name| (name, helps)));
    }
    let all = Category::ALL.into_iter();
    let known: BTreeSet<(&str, bool)> = all.map(|category| (category.name(), category.is_transient())).collect();
    assert_eq!(documented, known);
}

#[test]
fn every_reason_of_a_skipped_event_has_a_row() {
    let page = read("docs/operations.md");
    let rows = table(&page, "### Skipped events");
    let documented: BTreeSet<&str> = rows.into_iter().flat_map(|(names, _)| names).collect();
    let known: BTreeSet<&str> = Skip::ALL.into_iter().map(Skip::name).collect();
    assert_eq!(documented, known);
}

#[test]
fn every_reason_of_a_failed_start_is_listed() {
    let page = read("docs/operations.md");
    let list = page.split_once("`failedStart` (").expect("the list").1;
    let list = list.split_once(") and `failedStartReason`").expect("its end").0;
    let documented: BTreeSet<&str> = list.split('`').skip(1).step_by(2).collect();
    let known: BTreeSet<&str> = FailedStart::ALL.into_iter().map(FailedStart::name).collect();
    assert_eq!(documented, known);
}

/// The text after `before`, up to `after`.
fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before}"));
    rest.split_once(after).expect("an end").0
}

#[test]
fn everything_that_a_release_holds_has_one_version_and_it_is_in_the_changelog() {
    let version = env!("CARGO_PKG_VERSION");
    let package = read("pulumi/component/package.json");
    assert_eq!(between(&package, "\"version\": \"", "\""), version);
    for dependent in ["pulumi/plugin/package.json", "pulumi/example/package.json"] {
        let needed = format!("\"start-engines\": \"^{version}\"");
        assert!(read(dependent).contains(&needed), "{dependent} does not need {needed}");
    }
    let page = read("pulumi/README.md");
    assert_eq!(
        between(&page, "pulumi plugin install resource start-engines ", " "),
        version
    );
    assert_eq!(between(&page, "pulumi-resource-start-engines-v", "-linux"), version);
    let changelog = read("CHANGELOG.md");
    let newest = changelog
        .lines()
        .filter_map(|line| line.strip_prefix("## ["))
        .find(|heading| !heading.starts_with("Unreleased"));
    assert_eq!(newest.and_then(|heading| heading.split(']').next()), Some(version));
}
