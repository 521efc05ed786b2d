//! The page of the rules is made from the rules.

use std::path::Path;

#[test]
fn the_page_of_the_rules_is_that_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md");
    let page = cicerone::lint::page();
    #[expect(clippy::disallowed_methods, reason = "a test may ask whether to rewrite what it compares with")]
    if std::env::var_os("CICERONE_BLESS").is_some() {
        fs_err::write(&path, &page).unwrap();
    }
    let committed = fs_err::read_to_string(&path).unwrap();
    assert_eq!(committed, page, "docs/rules.md is stale: `make bless`, look at it, commit it");
}
