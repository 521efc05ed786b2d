//! What an audit of a large dump keeps in memory, as the kernel counts it for the real binary.

use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

/// Bytes of the dump at least: so many that the program itself, which is several times as large without optimisation, is
/// the smaller part.
const SIZE: usize = 14_000_000;
/// More than fits into a pipe and into a buffer in front of it: whoever has so much left to write is still there.
const LEFT: usize = 256 << 10;

/// A dump with as many indexes as its size has, and the statements that stand around them.
fn dump() -> String {
    let mut text =
        "SET statement_timeout = 0;\nSELECT pg_catalog.set_config('search_path', '', false);\n".to_owned();
    let mut table = 0;
    while text.len() < SIZE {
        let name = format!("public.customer_invoice_line_{table}");
        let _ = write!(
            text,
            "--\n-- Name: customer_invoice_line_{table}; Type: TABLE; Schema: public; Owner: app\n--\n\n\
             CREATE TABLE {name} (\n    id bigint NOT NULL,\n    customer_id bigint NOT NULL,\n    state text DEFAULT 'new'::text,\n    \
             created_at timestamp with time zone,\n    CONSTRAINT c_{table} CHECK ((char_length(state) <= 255))\n);\n\n\
             ALTER TABLE {name} OWNER TO app;\n\nCREATE SEQUENCE {name}_id_seq\n    START WITH 1\n    INCREMENT BY 1\n    \
             NO MINVALUE\n    NO MAXVALUE\n    CACHE 1;\n\nALTER SEQUENCE {name}_id_seq OWNED BY {name}.id;\n\n\
             COMMENT ON TABLE {name} IS 'Lines';\n\nALTER TABLE ONLY {name}\n    ADD CONSTRAINT p_{table} PRIMARY KEY (id);\n\n"
        );
        let keys = ["(customer_id)", "(state, created_at DESC)", "(lower(state)) WHERE (id > 0)"];
        for (number, keys) in keys.iter().enumerate() {
            let _ = write!(
                text,
                "CREATE INDEX index_customer_invoice_line_{table}_on_column_{number} ON {name} USING btree {keys};\n\n"
            );
        }
        for role in 0..4 {
            let _ = write!(text, "GRANT SELECT,INSERT,UPDATE ON TABLE {name} TO reader_{role};\n\n");
        }
        table += 1;
    }
    text
}

/// Bytes that `cicerone audit` had resident at most before the last [`LEFT`] bytes of its answer were read, and the length
/// of the answer. That is asked of the process while it waits for its reader, and is 0 when the answer is shorter.
fn audited(home: &Path, file: &str, length: usize) -> (usize, usize) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cicerone"))
        .args(["audit", file])
        .current_dir(home)
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home)
        .env_remove("CICERONE_CONFIG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut answer = Vec::new();
    let first = u64::try_from(length.saturating_sub(LEFT)).unwrap();
    out.by_ref().take(first).read_to_end(&mut answer).unwrap();
    let status = fs_err::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    out.read_to_end(&mut answer).unwrap();
    assert!(child.wait().unwrap().success());
    (peak.map_or(0, |kilobytes: usize| kilobytes << 10), answer.len())
}

#[test]
fn an_audit_of_a_dump_keeps_less_than_ten_times_the_dump() {
    let home = tempfile::tempdir().unwrap();
    let text = dump();
    fs_err::write(home.path().join("dump.sql"), &text).unwrap();
    let (_, length) = audited(home.path(), "dump.sql", 0);
    assert!(length > 4 * LEFT, "an answer of {length} bytes");
    let (peak, again) = audited(home.path(), "dump.sql", length);
    assert_eq!(again, length);
    assert!(peak > text.len() && peak < 10 * text.len(), "{peak} bytes for {}", text.len());
}
