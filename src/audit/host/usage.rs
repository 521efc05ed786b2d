//! What a program does with a string, by the call or the name that it goes to.

use super::call::Call;
use super::fact::Use;

/// What becomes of a string at a place of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role<'t> {
    /// Handed to a call that runs SQL; its names, the last first.
    Executed([&'t str; 2]),
    /// Handed to another call.
    Argument([&'t str; 2]),
    /// Bound to a name.
    Named(&'t str),
    /// The value of a key.
    Value(&'t str),
    /// Nothing that is known.
    Other,
    /// Read by people or compared, never run.
    Ignored,
}

impl Role<'_> {
    /// The role as it is told; `None` when a string in it is no SQL whatever it says.
    pub(super) fn used(self) -> Option<Use> {
        let title = |[name, object]: [&str; 2]| {
            if object.is_empty() { name.to_owned() } else { format!("{object}.{name}") }
        };
        Some(match self {
            Self::Executed(call) => Use::Executed(title(call)),
            Self::Argument(call) => Use::Argument(title(call)),
            Self::Named(name) => Use::Named(name.to_owned()),
            Self::Value(key) => Use::Value(key.to_owned()),
            Self::Other => Use::Other,
            Self::Ignored => return None,
        })
    }
}

/// Methods that hand their argument to the database.
const RUNS: [&str; 63] = [
    "addSql",
    "runQuery",
    "execute",
    "executemany",
    "executescript",
    "execute_batch",
    "execute_values",
    "exec_driver_sql",
    "RunSQL",
    "run_sql",
    "exec_query",
    "exec_update",
    "exec_delete",
    "exec_insert",
    "select_all",
    "select_value",
    "select_values",
    "select_one",
    "select_rows",
    "find_by_sql",
    "fetch",
    "fetchrow",
    "fetchval",
    "fetch_all",
    "fetch_one",
    "scalar",
    "scalars",
    "runSql",
    "$executeRaw",
    "$executeRawUnsafe",
    "$queryRaw",
    "$queryRawUnsafe",
    "raw",
    "query",
    "Exec",
    "ExecContext",
    "MustExec",
    "MustExecContext",
    "Query",
    "QueryContext",
    "QueryRow",
    "QueryRowContext",
    "Queryx",
    "Prepare",
    "PrepareContext",
    "NamedExec",
    "Raw",
    "executeUpdate",
    "executeQuery",
    "executeLargeUpdate",
    "addBatch",
    "prepareStatement",
    "prepareCall",
    "createNativeQuery",
    "update",
    "queryForObject",
    "queryForList",
    "batchUpdate",
    "nativeQuery",
    "unsafe",
    "sql",
    "safety_assured_execute",
    "async_exec",
];
/// Those of them whose name says little: what they are called on has to say the rest.
const VAGUE: [&str; 8] = ["fetch", "update", "raw", "query", "Query", "Raw", "sql", "scalar"];
/// What such calls are made on, in lower case, in part.
const DATABASES: [&str; 25] = [
    "schema",
    "db",
    "conn",
    "cur",
    "client",
    "pool",
    "session",
    "knex",
    "sequelize",
    "queryrunner",
    "queryinterface",
    "tx",
    "trx",
    "pgm",
    "jdbc",
    "template",
    "stmt",
    "statement",
    "database",
    "prisma",
    "manager",
    "engine",
    "sql",
    "pg",
    "bind",
];
/// Methods whose argument people read, or that compare it.
const TELLS: [&str; 78] = [
    "print",
    "debug",
    "info",
    "warn",
    "warning",
    "error",
    "critical",
    "exception",
    "fatal",
    "log",
    "trace",
    "notice",
    "puts",
    "p",
    "pp",
    "say",
    "say_with_time",
    "raise",
    "abort",
    "fail",
    "warn_once",
    "stdout_write",
    "println",
    "printf",
    "Print",
    "Println",
    "Printf",
    "Fatal",
    "Fatalf",
    "Fatalln",
    "Panic",
    "Panicf",
    "Errorf",
    "Error",
    "Log",
    "Logf",
    "Info",
    "Infof",
    "Warn",
    "Warnf",
    "Debug",
    "Debugf",
    "Fprintf",
    "Fprintln",
    "New",
    "Wrap",
    "Wrapf",
    "assertIn",
    "assertEqual",
    "assertNotIn",
    "assertRaises",
    "assertRaisesRegex",
    "assert_includes",
    "assert_match",
    "assert_equal",
    "include",
    "includes",
    "contains",
    "Contains",
    "startsWith",
    "startswith",
    "endswith",
    "endsWith",
    "start_with?",
    "HasPrefix",
    "match",
    "search",
    "fullmatch",
    "finditer",
    "findall",
    "sub",
    "split",
    "replace",
    "describe",
    "it",
    "toContain",
    "toMatch",
    "secho",
];
/// What loggers and patterns are called.
const TELLERS: [&str; 17] = [
    "log", "logger", "logging", "console", "slog", "LOG", "LOGGER", "Logger", "re", "regexp", "Pattern",
    "Regexp", "click", "warnings", "messages", "errors", "stdout",
];

/// What a call does with its arguments.
pub(super) fn role_of_call<'t>(call: &Call<'t>) -> Role<'t> {
    let names = [call.name(), call.object()];
    let [name, object] = names;
    let constructed = name.ends_with("Error") || name.ends_with("Exception") || name == "RegExp";
    if constructed || TELLERS.contains(&object) || (TELLS.contains(&name) && object != "op") {
        return Role::Ignored;
    }
    if !RUNS.contains(&name) {
        return Role::Argument(names);
    }
    let owner = object.to_ascii_lowercase();
    let vague = VAGUE.contains(&name) && !DATABASES.iter().any(|database| owner.contains(database));
    if vague { Role::Argument(names) } else { Role::Executed(names) }
}

/// Names and keys under which people find texts, not statements.
pub(super) fn role_of_key(name: &str) -> Option<Role<'static>> {
    let lower = name.to_ascii_lowercase();
    let text = [
        "description",
        "message",
        "msg",
        "comment",
        "help",
        "help_text",
        "title",
        "label",
        "doc",
        "__doc__",
        "summary",
        "reason",
        "note",
        "notes",
        "verbose_name",
        "hint",
        "why",
        "rationale",
        "error",
        "regex",
        "pattern",
    ];
    text.contains(&lower.as_str()).then_some(Role::Ignored)
}
