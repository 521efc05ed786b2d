//! Free space as a probe prints it: `df -kP`, or JSON.

use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::domain::unit::Bytes;

/// Free space at one path of the server, as a probe told it. The path is untrusted text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbedSpace {
    /// Path or mount point.
    pub path: PathBuf,
    /// Space that can still be filled.
    pub free: Bytes,
    /// Size of the volume, when the probe tells it.
    pub total: Option<Bytes>,
}

/// The output says nothing about space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the disk probe printed neither `df -kP` lines nor JSON like {{\"/var/lib/postgresql\": 123456789}} (bytes free)"
)]
pub struct NoSpaceFound;

/// Reads a probe's output. Lines and members that make no sense are passed over; when none makes sense, that is an error.
///
/// JSON: `{"path": free}`, `{"path": {"free": …, "total": …}}`, or a list of `{"path": …, "free": …, "total": …}`, all in
/// bytes. Otherwise POSIX `df -kP`, in 1024-byte blocks.
pub fn parse(output: &str) -> Result<Vec<ProbedSpace>, NoSpaceFound> {
    let found = match serde_json::from_str(output) {
        Ok(Value::Object(map)) if map.contains_key("path") => from_object(&map, None).into_iter().collect(),
        Ok(Value::Object(map)) => map.iter().filter_map(|(path, value)| from_member(path, value)).collect(),
        Ok(Value::Array(list)) => {
            list.iter().filter_map(Value::as_object).filter_map(|item| from_object(item, None)).collect()
        }
        Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => Vec::new(),
        Err(_) => from_df(output),
    };
    if found.is_empty() { Err(NoSpaceFound) } else { Ok(found) }
}

fn from_member(path: &str, value: &Value) -> Option<ProbedSpace> {
    match value {
        Value::Object(map) => from_object(map, Some(path)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Some(ProbedSpace { path: path.into(), free: bytes(value)?, total: None })
        }
    }
}

fn from_object(map: &Map<String, Value>, path: Option<&str>) -> Option<ProbedSpace> {
    let member = |names: &[&str]| names.iter().find_map(|name| map.get(*name));
    let path = match path {
        Some(path) => path,
        None => member(&["path", "mount", "mountpoint"])?.as_str()?,
    };
    let free = bytes(member(&["free", "available", "avail", "free_bytes", "available_bytes"])?)?;
    let total = member(&["total", "size", "total_bytes", "size_bytes"]).and_then(bytes);
    Some(ProbedSpace { path: path.into(), free, total })
}

fn bytes(value: &Value) -> Option<Bytes> {
    match value {
        Value::Number(number) => {
            let whole = number.as_u64();
            whole.or_else(|| number.as_f64().filter(|n| *n >= 0.0).map(|n| n as u64)).map(Bytes)
        }
        Value::String(text) => text.trim().parse().ok().map(Bytes),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// `Filesystem 1024-blocks Used Available Capacity Mounted on`: neither the first nor the last column is free of spaces,
/// so a line is read from the one column that ends with `%`.
fn from_df(output: &str) -> Vec<ProbedSpace> {
    output.lines().filter_map(df_line).collect()
}

fn df_line(line: &str) -> Option<ProbedSpace> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let is_capacity =
        |word: &&str| *word == "-" || word.strip_suffix('%').is_some_and(|n| n.parse::<u32>().is_ok());
    // At least a file system's name and three numbers stand before it.
    let capacity = 4 + words.get(4..)?.iter().position(is_capacity)?;
    let blocks =
        |index: usize| words[index].parse::<u64>().ok().map(|count| Bytes(count.saturating_mul(1024)));
    let (total, free) = (blocks(capacity - 3)?, blocks(capacity - 1)?);
    // The mount point as it stands in the line, inner spaces included.
    let column = words[capacity];
    let after = line.find(&format!(" {column} ")).map(|at| at + column.len() + 2)?;
    let path = line[after..].trim();
    path.starts_with('/').then(|| ProbedSpace { path: path.into(), free, total: Some(total) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(path: &str, free: u64, total: impl Into<Option<u64>>) -> ProbedSpace {
        ProbedSpace { path: path.into(), free: Bytes(free), total: total.into().map(Bytes) }
    }

    #[test]
    fn df_lines_are_read_by_mount_point() {
        let output = "\
Filesystem         1024-blocks     Used Available Capacity Mounted on
/dev/mapper/vg-pg    104857600 52428800  47185920      53% /var/lib/postgresql
server:/vol with space   2048     1024      1024      50% /mnt/a b
tmpfs                        0        0         0       - /run/user
df: /secret: Permission denied
";
        let expected = [
            space("/var/lib/postgresql", 47_185_920 * 1024, 104_857_600 * 1024),
            space("/mnt/a b", 1 << 20, 2 << 20),
            space("/run/user", 0, 0),
        ];
        assert_eq!(parse(output).unwrap(), expected);
    }

    #[test]
    fn json_is_read_in_each_of_its_shapes() {
        assert_eq!(
            parse(r#"{"/pg": 1000, "/wal": "2000", "/no": null}"#).unwrap(),
            [space("/pg", 1000, None), space("/wal", 2000, None)]
        );
        assert_eq!(parse(r#"{"/pg": {"free": 1.5e3, "total": 2000}}"#).unwrap(), [space("/pg", 1500, 2000)]);
        assert_eq!(parse(r#"{"path": "/pg", "free": 1}"#).unwrap(), [space("/pg", 1, None)]);
        assert_eq!(
            parse(r#"[{"mount": "/pg", "avail": 1, "size": 3}, {"x": 1}, 7]"#).unwrap(),
            [space("/pg", 1, 3)]
        );
    }

    #[test]
    fn what_says_nothing_about_space_is_an_error_and_never_zero() {
        for output in [
            "",
            "{}",
            "[]",
            "null",
            "no such host\n",
            r#"{"/pg": "a lot"}"#,
            r#"{"/pg": -5}"#,
            "Filesystem 1024-blocks Used Available Capacity Mounted on\n",
        ] {
            assert_eq!(parse(output), Err(NoSpaceFound), "{output:?}");
        }
    }

    #[test]
    fn hostile_numbers_do_not_overflow() {
        let output = format!("/dev/x {0} 0 {0} 1% /pg", u64::MAX);
        assert_eq!(parse(&output).unwrap(), [space("/pg", u64::MAX, u64::MAX)]);
    }
}
