//! How findings in files are told.

use clap::ValueEnum;

/// Ways to tell findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum FindingFormat {
    /// For people: each with its line.
    #[default]
    Text,
    /// One JSON object.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
    /// JUnit XML, for whoever shows test reports.
    Junit,
}
