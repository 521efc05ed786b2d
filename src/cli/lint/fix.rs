//! Corrections in files: all edits of one file at once, or none.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use similar::TextDiff;

use crate::audit::encoding::{Encoding, decode};
use crate::cli::error::CliError;
use crate::cli::folder::Folder;
use crate::lint::{Finding, apply, chosen};
use crate::text::Untrusted;

/// A file with its corrections.
pub(super) struct Corrected {
    path: PathBuf,
    shown: String,
    old: String,
    new: String,
    /// The bytes that are to be written.
    bytes: Vec<u8>,
}

/// What `--fix` would write. A file that is no UTF-8, or that was changed since it was read, is left alone.
pub(super) fn corrected(folder: &Folder, findings: &[Finding]) -> Vec<Corrected> {
    let mut by_file: BTreeMap<usize, Vec<&Finding>> = BTreeMap::new();
    for finding in findings.iter().filter(|it| it.fix.is_some()) {
        if let Some(file) = finding.file {
            by_file.entry(file).or_default().push(finding);
        }
    }
    let mut out = Vec::new();
    for (position, findings) in by_file {
        let Some(file) = folder.files.get(position) else { continue };
        let edits = chosen(findings.into_iter());
        let path = PathBuf::from(&file.path);
        let Ok(bytes) = fs::read(&path) else { continue };
        let (text, encoding) = decode(&bytes);
        if encoding != Encoding::Utf8 || text != file.text.as_str() || edits.is_empty() {
            continue;
        }
        let Ok(new) = apply(&file.text, &edits) else { continue };
        // A mark at the beginning is no part of the text.
        let mark = bytes.len() - text.len();
        let mut written = bytes[..mark].to_vec();
        written.extend_from_slice(new.as_bytes());
        out.push(Corrected { path, shown: file.path.clone(), old: file.text.clone(), new, bytes: written });
    }
    out
}

/// The corrections as a patch, safe for a terminal.
pub(super) fn diff(files: &[Corrected]) -> String {
    let mut out = String::new();
    for file in files {
        let diff = TextDiff::from_lines(&file.old, &file.new);
        let patch = diff
            .unified_diff()
            .header(&format!("a/{}", file.shown), &format!("b/{}", file.shown))
            .to_string();
        for line in patch.lines() {
            let _ = writeln!(out, "{}", Untrusted::from(line.replace('\t', "    ")).display_safe(None));
        }
    }
    out
}

/// Writes the corrections: each file is replaced at once by one that has its rights.
///
/// # Errors
///
/// A file cannot be written. Those before it are corrected.
pub(super) fn write(files: &[Corrected]) -> Result<(), CliError> {
    for file in files {
        replace(&file.path, &file.bytes).map_err(|error| {
            CliError::usage(format!("{} cannot be corrected", file.shown))
                .because(&error)
                .hint("--fix --diff shows the corrections without writing")
        })?;
    }
    Ok(())
}

fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    // A link stays a link: what it leads to is replaced.
    let path = fs::canonicalize(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let rights = fs::metadata(&path)?.permissions();
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(bytes)?;
    new.as_file().set_permissions(rights)?;
    new.as_file().sync_all()?;
    new.persist(&path).map_err(|error| error.error)?;
    Ok(())
}
