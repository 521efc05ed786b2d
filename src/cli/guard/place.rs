//! Paths as they are compared: absolute, with every link but the last followed.

use std::path::{Component, Path, PathBuf};

/// Where a file is, as it is named: a link that is named is itself. `None` when its folder is not there.
pub(super) fn absolute(path: &Path) -> Option<PathBuf> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = fs_err::canonicalize(folder).ok()?;
    Some(match path.file_name() {
        Some(name) => folder.join(name),
        None => folder,
    })
}

/// Whether `path` is one of `roots` or below one.
pub(super) fn is_below(path: &Path, roots: &[PathBuf]) -> bool {
    roots.iter().any(|root| path.starts_with(root))
}

/// The way from a folder to a file, both absolute, with `/`.
pub(super) fn way(folder: &Path, file: &Path) -> String {
    let (from, to): (Vec<Component<'_>>, Vec<Component<'_>>) =
        (folder.components().collect(), file.components().collect());
    let common = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
    let up = std::iter::repeat_n("..".to_owned(), from.len() - common);
    let down = to.iter().skip(common).map(|it| it.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_goes_up_and_down() {
        for (folder, file, wanted) in [
            ("/a/b", "/a/b/c.sql", "c.sql"),
            ("/a/b", "/a/c/d.sql", "../c/d.sql"),
            ("/", "/a b/c.sql", "a b/c.sql"),
            ("/a/bc", "/a/b/c.sql", "../b/c.sql"),
        ] {
            assert_eq!(way(Path::new(folder), Path::new(file)), wanted);
        }
        assert!(is_below(Path::new("/a/b/c"), &[PathBuf::from("/a/b")]));
        assert!(!is_below(Path::new("/a/bc"), &[PathBuf::from("/a/b")]));
    }
}
