//! What goes wrong with indexes in migrations, rule by rule, read without a database.
//!
//! Pure: documents of [`audit`](crate::audit) come in, findings go out as data. A rule is a file of [`rule`], with its
//! reasons and with examples that are its tests and its documentation at once.

mod check;
mod finding;
mod fix;
mod level;
mod page;
pub mod rule;
mod sent;
mod series;

pub use check::{ALL_RULES, Unopened, check};
pub use finding::{Edit, Finding, Fix, Severity};
pub use fix::{Overlap, apply, chosen};
pub use level::{Level, Levels};
pub use page::{explain, page};
pub use sent::{Sent, Timeout, Wrapper};
pub use series::{Act, File, Series, Subject};

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
