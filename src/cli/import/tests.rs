//! Files into registries, as the command does it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

/// A folder with migrations in `m`, in which the command is run.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new(migrations: &str) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(place.path("m")).unwrap();
        fs::write(place.path("m/1.sql"), migrations).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn run(&self, change: impl FnOnce(&mut ImportArgs)) -> Result<(Exit, String), CliError> {
        self.run_as(Hand::Write, change)
    }

    fn run_as(&self, hand: Hand, change: impl FnOnce(&mut ImportArgs)) -> Result<(Exit, String), CliError> {
        let mut args = ImportArgs {
            paths: vec![self.path("m")],
            live: false,
            schemas: Vec::new(),
            tables: Vec::new(),
            into: Some(self.path("registry.toml")),
            merge: false,
            domains: None,
        };
        change(&mut args);
        let setting =
            Setting { registry: &[self.path("registry.toml")], said: false, hand, output: Output::Plain };
        let mut out = Vec::new();
        let exit = of_files(&args, &setting, &mut out)?;
        let shown = String::from_utf8(out).unwrap();
        Ok((exit, shown.replace(&format!("{}/", self.folder.path().display()), "")))
    }

    fn refusal(&self, change: impl FnOnce(&mut ImportArgs)) -> String {
        let error = self.run(change).unwrap_err();
        assert_eq!(error.exit, Exit::Usage);
        assert!(!error.hints.is_empty(), "{error}");
        error.to_string().replace(&format!("{}/", self.folder.path().display()), "")
    }
}

const MIGRATIONS: &str = "
    create table leads (id int primary key, a int, b text);
    create table audit.log (id int, at date);
    create index leads_a on leads (a);
    create unique index leads_u on leads (a, b);
    create index log_at on audit.log (at);
    create index on leads (b);
    create index gone on leads (a, b);
    drop index gone;
";

#[test]
fn performance_indexes_become_entries_and_all_others_are_named_with_their_reason() {
    let place = Place::new(MIGRATIONS);
    fs::write(place.path("domains.toml"), "\"leads\" = \"sales\"\n").unwrap();
    let (exit, shown) = place.run(|args| args.domains = Some(place.path("domains.toml"))).unwrap();
    assert_eq!(exit, Exit::Verified);
    insta::assert_snapshot!(shown, @r#"
    added     audit.log_at  on audit.log  [unassigned]  m/1.sql:6
    added     public.leads_a  on public.leads  [sales]  m/1.sql:4
    added     public.leads_b_idx  on public.leads  [sales]  m/1.sql:7: without a name there; the server gives it this one
    left out  public.leads_pkey  on public.leads  m/1.sql:2: it backs a PRIMARY KEY, so it belongs to the migrations
    left out  public.leads_u  on public.leads  m/1.sql:5: UNIQUE: it keeps duplicates out, so it belongs to the migrations
    left out  public.gone  on public.leads  m/1.sql:8: it is dropped later (m/1.sql:9)
    3 entries added to registry.toml, 0 there already, 0 with another definition, 0 refused, 3 left out
    1 of them have no domain and say "unassigned": --domains FILE gives each table one
    "#);
    let text = place.text("registry.toml").replace(&*place.folder.path().to_string_lossy(), ".");
    assert!(text.contains("# ./m/1.sql:4\n[[index]]\nname = \"leads_a\"\ndomain = \"sales\"\n"), "{text}");
    assert_eq!(fs::metadata(place.path("registry.toml")).unwrap().permissions().mode() & 0o600, 0o600);
}

#[test]
fn a_file_that_is_there_is_added_to_only_when_that_is_said_and_keeps_what_it_has() {
    let place = Place::new(MIGRATIONS);
    let kept = "# ours\nversion = 1\n[[index]]\nname = 'leads_a'\ndomain = 'crm' # by hand\ntable = 'leads'\nsql = 'CREATE INDEX CONCURRENTLY leads_a ON leads (b, a)'\n";
    fs::write(place.path("registry.toml"), kept).unwrap();
    fs::set_permissions(place.path("registry.toml"), fs::Permissions::from_mode(0o640)).unwrap();
    assert!(place.refusal(|_| {}).contains("--merge"));
    assert_eq!(place.text("registry.toml"), kept);
    let (exit, shown) = place.run(|args| args.merge = true).unwrap();
    assert_eq!(exit, Exit::Findings, "one entry differs");
    assert!(shown.contains("differs   public.leads_a"), "{shown}");
    let text = place.text("registry.toml");
    assert!(text.starts_with(kept), "{text}");
    // The table's domain is the one that its other entry has.
    assert!(text.contains("name = \"leads_b_idx\"\ndomain = \"crm\""), "{text}");
    assert_eq!(fs::metadata(place.path("registry.toml")).unwrap().permissions().mode() & 0o777, 0o640);
    let (_, again) = place.run(|args| args.merge = true).unwrap();
    assert!(again.contains("0 entries added") && again.contains("2 there already"), "{again}");
    assert_eq!(place.text("registry.toml"), text);
    assert_eq!(fs::read_dir(place.folder.path()).unwrap().count(), 2, "no draft is left");
}

#[test]
fn patterns_choose_tables_and_one_that_means_none_is_told() {
    let place = Place::new(MIGRATIONS);
    let (_, shown) = place.run(|args| args.schemas = vec!["aud*".to_owned()]).unwrap();
    assert!(shown.contains("audit.log_at") && !shown.contains("leads"), "{shown}");
    let (_, shown) = place
        .run(|args| {
            args.into = Some(place.path("two.toml"));
            args.tables = vec!["public.l?ads".to_owned(), "log".to_owned()];
        })
        .unwrap();
    assert!(shown.contains("audit.log_at") && shown.contains("public.leads_a"), "{shown}");
    for (flag, said) in [("schema", "--schema nowhere: no table"), ("table", "--table Leads: no table")] {
        let refusal = place.refusal(|args| {
            args.into = Some(place.path("three.toml"));
            match flag {
                "schema" => args.schemas = vec!["nowhere".to_owned()],
                _ => args.tables = vec!["leads".to_owned(), "Leads".to_owned()],
            }
        });
        assert!(refusal.contains(said), "{refusal}");
    }
    assert!(!place.path("three.toml").exists());
}

#[test]
fn an_index_with_something_to_fill_in_is_none_yet_and_a_letter_is_nothing_to_fill_in() {
    let place = Place::new(
        "create index :name on t (a); create index i on ${schema}.t (a); create index j on t (a) where b = :'x';
         create index k on t (a) where b = ':x' and c = '{y}'; create index \"l…\" on t (b);",
    );
    let (_, shown) = place.run(|_| {}).unwrap();
    assert!(shown.contains("2 entries added") && shown.contains("3 left out"), "{shown}");
    assert_eq!(shown.matches("a part of it is filled in").count(), 3, "{shown}");
}

#[test]
fn a_dry_run_shows_what_would_change_and_changes_nothing() {
    let place = Place::new(MIGRATIONS);
    fs::write(place.path("registry.toml"), "version = 1\n").unwrap();
    let (exit, shown) = place.run_as(Hand::Show, |_| {}).unwrap();
    assert_eq!(exit, Exit::Verified);
    assert!(
        shown.contains("\n+name = \"leads_a\"\n") && shown.contains("3 entries would be added"),
        "{shown}"
    );
    assert_eq!(place.text("registry.toml"), "version = 1\n");
}

#[test]
fn files_that_cannot_be_used_are_told_with_what_to_do() {
    let place = Place::new(MIGRATIONS);
    fs::write(place.path("registry.toml"), "this is no TOML").unwrap();
    let refusal = place.refusal(|args| args.merge = true);
    assert!(refusal.contains("registry.toml:1:") && refusal.contains("nothing was written"), "{refusal}");
    fs::write(place.path("latin.toml"), b"# \xff\n").unwrap();
    assert!(place.refusal(|args| args.into = Some(place.path("latin.toml"))).contains("UTF-8"));
    assert!(place.refusal(|args| args.into = Some(place.path("m"))).contains("is a folder"));
    assert!(place.refusal(|args| args.into = Some(place.path("no/such.toml"))).contains("does not exist"));
    std::os::unix::fs::symlink(place.path("nothing"), place.path("link.toml")).unwrap();
    assert!(place.refusal(|args| args.into = Some(place.path("link.toml"))).contains("leads nowhere"));
    fs::write(place.path("ro.toml"), "version = 1\n").unwrap();
    fs::set_permissions(place.path("ro.toml"), fs::Permissions::from_mode(0o444)).unwrap();
    let refusal = place.refusal(|args| {
        args.merge = true;
        args.into = Some(place.path("ro.toml"));
    });
    assert!(refusal.contains("read-only") && refusal.contains("nothing was changed"), "{refusal}");
    assert_eq!(place.text("ro.toml"), "version = 1\n");
}

#[test]
fn a_link_stays_a_link_and_what_could_not_be_read_is_a_finding() {
    let place = Place::new("create index a on t (x); create index on on t;");
    fs::write(place.path("real.toml"), "version = 1\n").unwrap();
    std::os::unix::fs::symlink(place.path("real.toml"), place.path("registry.toml")).unwrap();
    let (exit, _) = place.run(|args| args.merge = true).unwrap();
    assert_eq!(exit, Exit::Findings);
    assert!(place.path("registry.toml").is_symlink());
    assert!(place.text("real.toml").contains("name = \"a\""));
}
