//! The plan, printed.

use std::io::{self, Write};

use crate::domain::plan::Plan;
use crate::domain::target::Target;

use super::args::Output;

/// Prints a plan.
pub fn print_plan(plan: &Plan, target: &Target, out: &mut dyn Write, output: Output) -> io::Result<()> {
    let _ = (target, output);
    writeln!(out, "{}", plan.id.0)
}
