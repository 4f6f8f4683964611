//! What `doctor` found, for people and for machines.

use std::fmt::Write as _;

use serde_json::json;

use crate::failure::Failure;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// Neither good nor bad.
    Note,
    /// Works, and somebody should know.
    Warning,
    /// Will fail, or gives a secret away.
    Problem,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// Findings in sections, in the order they were made.
#[derive(Debug, Default)]
pub(super) struct Report {
    findings: Vec<Finding>,
    section: &'static str,
}

#[derive(Debug)]
struct Finding {
    section: &'static str,
    level: Level,
    text: String,
    hint: Option<String>,
}

impl Report {
    /// What follows is about `section`.
    pub(super) fn section(&mut self, section: &'static str) {
        self.section = section;
    }

    pub(super) fn ok(&mut self, text: impl Into<String>) {
        self.add(Level::Ok, text.into(), None);
    }

    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.add(Level::Note, text.into(), None);
    }

    pub(super) fn warning(&mut self, text: impl Into<String>, hint: impl Into<String>) {
        self.add(Level::Warning, text.into(), Some(hint.into()));
    }

    pub(super) fn problem(&mut self, text: impl Into<String>, hint: impl Into<String>) {
        self.add(Level::Problem, text.into(), Some(hint.into()));
    }

    /// What a command would fail with.
    pub(super) fn failure(&mut self, failure: &Failure) {
        self.add(
            Level::Problem,
            failure.message().to_string(),
            failure.hint_text().map(str::to_string),
        );
    }

    fn add(&mut self, level: Level, text: String, hint: Option<String>) {
        self.findings.push(Finding { section: self.section, level, text, hint });
    }

    pub(super) fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    /// For people: a heading a section, a line a finding.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let mut section = "";
        for finding in &self.findings {
            if finding.section != section {
                section = finding.section;
                let _ = writeln!(text, "{section}");
            }
            let _ = writeln!(text, "  {:8} {}", finding.level.word(), finding.text);
            if let Some(hint) = &finding.hint {
                let _ = writeln!(text, "  {:8} hint: {hint}", "");
            }
        }
        let (problems, warnings) = (self.count(Level::Problem), self.count(Level::Warning));
        let plural = |count| if count == 1 { "" } else { "s" };
        let _ = writeln!(
            text,
            "{problems} problem{}, {warnings} warning{}",
            plural(problems),
            plural(warnings)
        );
        text
    }

    /// For machines: one object on one line.
    pub(super) fn json(&self) -> String {
        let findings: Vec<_> = self
            .findings
            .iter()
            .map(|finding| {
                json!({
                    "section": finding.section,
                    "level": finding.level.word(),
                    "text": finding.text,
                    "hint": finding.hint,
                })
            })
            .collect();
        let problems = self.count(Level::Problem);
        let warnings = self.count(Level::Warning);
        format!("{}\n", json!({"problems": problems, "warnings": warnings, "findings": findings}))
    }
}
