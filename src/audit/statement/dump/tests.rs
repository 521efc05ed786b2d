//! What is read without a tree is what the parser reads, and nothing that the parser refuses.

use crate::audit::Lines;
use crate::audit::prepass::prepare;
use crate::audit::statement::read::Reader;
use crate::audit::statement::{Reading, read};

/// What a dump consists of.
const DUMP: &str = include_str!("../../../../tests/fixtures/audit/dump.sql");
const SHAPES: &str = include_str!("../../../../tests/fixtures/audit/shapes.sql");
/// Words and signs that are put where they do not belong.
const DICTIONARY: &str = "( ) [ ] , . :: ; = <> -> ->> % - + || 'x' '' \"A b\" 1 1.5 a public name value key type status \
    exclude like only using btree gin asc desc nulls first last where include with tablespace collate and or not is null \
    true false any all some array row case in between at time zone with without double precision character varying \
    numeric interval timestamp timestamptz serial bigserial regclass current_timestamp current_user default constraint \
    check primary key unique references on delete update cascade set no action deferrable initially deferred valid \
    partition by range list hash for values from to in modulus remainder minvalue maxvalue owner owned attach create \
    index concurrently if exists table sequence alter add column insert into select comment grant all user left \
    coalesce greatest exists position distinct * $1 -- /* */ u& e b ? @> # ~ !~~ ::text ::text[] (1) (255) nextval('a')";

/// Reads a text without a tree as far as that goes, and all that is read so by the parser too: both say the same. How many
/// statements were read, and the first line of each that is left to the parser.
fn compared(text: &str) -> (usize, Vec<&str>) {
    let script = prepare(text);
    let lines = Lines::of(text);
    let (mut read_here, mut left) = (0, Vec::new());
    for piece in &script.pieces {
        let mut short = Reader::new(&script.text, &lines);
        if short.of_dump(piece).is_none() {
            left.extend(text[piece.range.clone()].lines().next());
            continue;
        }
        read_here += 1;
        let mut long = Reader::new(&script.text, &lines);
        long.parsed(piece);
        assert_eq!(short.reading, long.reading, "{}", &script.text[piece.range.clone()]);
    }
    (read_here, left)
}

#[test]
fn all_that_dumps_have_in_great_numbers_is_read_without_a_tree_and_as_the_parser_reads_it() {
    let (read_here, left) = compared(DUMP);
    assert_eq!(
        left,
        [
            "SET statement_timeout = 0;",
            "SET client_encoding = 'UTF8';",
            "SELECT pg_catalog.set_config('search_path', '', false);",
            "SET default_table_access_method = heap;",
            "CREATE SCHEMA parts;",
            "ALTER SCHEMA parts OWNER TO app;",
            "CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;",
            "CREATE FUNCTION public.touch() RETURNS trigger",
            "CREATE VIEW public.newest AS",
            "COPY public.people (id, name) FROM stdin;",
            "SELECT pg_catalog.setval('public.people_id_seq', 2, true);",
            "ALTER TABLE ONLY public.by_number",
            "CREATE INDEX index_people_cast ON public.people USING btree (((settings ->> 'a'::text))::integer) WITH (fillfactor='90');",
            "CREATE INDEX index_people_case ON public.people USING btree (",
            "CREATE TRIGGER touch BEFORE UPDATE ON public.people FOR EACH ROW EXECUTE FUNCTION public.touch();",
        ]
    );
    assert!(read_here > 40, "{read_here}");
    compared(SHAPES);
}

#[test]
fn whatever_is_changed_about_a_statement_it_is_read_as_the_parser_reads_it_or_left_to_the_parser() {
    let words: Vec<&str> = DICTIONARY.split_ascii_whitespace().collect();
    let mut chance = fastrand::Rng::with_seed(20_261_120);
    let pieces = prepare(DUMP).pieces;
    let mut read_here = 0;
    for _ in 0..250 {
        for piece in &pieces {
            let mut text = DUMP[piece.range.clone()].to_owned();
            for _ in 0..chance.usize(1..3) {
                text = mutated(&text, &words, &mut chance);
            }
            read_here += compared(&text).0;
        }
    }
    // Enough of them are still statements.
    assert!(read_here > 1_500, "{read_here}");
}

/// One word taken out, put in, doubled, exchanged or joined with its neighbour.
fn mutated(text: &str, words: &[&str], chance: &mut fastrand::Rng) -> String {
    let mut parts: Vec<&str> = text.split_inclusive(|it: char| " (),.:\n".contains(it)).collect();
    let at = chance.usize(0..parts.len());
    let word = words[chance.usize(0..words.len())];
    match chance.u8(0..6) {
        0 => drop(parts.remove(at)),
        1 => parts.insert(at, parts[at]),
        2 => parts[at] = word,
        3 => {
            let other = chance.usize(0..parts.len());
            parts.swap(at, other);
        }
        4 => parts[at] = parts[at].trim_end(),
        _ => {
            parts.insert(at, " ");
            parts.insert(at, word);
            parts.insert(at, " ");
        }
    }
    parts.concat()
}

#[test]
fn what_is_broken_is_left_to_the_parser_which_says_so() {
    for text in [
        "CREATE INDEX a ON t (b;",
        "CREATE INDEX a ON t (b) (c);",
        "CREATE INDEX a ON t (b,);",
        "CREATE INDEX a ON t USING btree (b) WHERE;",
        "CREATE INDEX a ON t (lower(b)::);",
        "CREATE TABLE t (a);",
        "CREATE TABLE t (a integer,);",
        "CREATE TABLE t (a integer DEFAULT);",
        "CREATE TABLE t (select integer);",
        "ALTER TABLE ONLY t ADD CONSTRAINT c PRIMARY KEY ();",
        "INSERT INTO t VALUES (1 2);",
        "INSERT INTO t VALUES ('a' 'b');",
        "INSERT INTO t VALUES (1, 12a);",
        "COMMENT ON TABLE t IS x;",
        "GRANT SELECT, ON TABLE t TO r;",
    ] {
        let script = prepare(text);
        let lines = Lines::of(text);
        let reading: Reading = read(&script, 0..script.pieces.len(), &lines);
        assert_eq!(compared(text).0, 0, "{text}");
        assert!(!reading.unread.is_empty(), "{text}");
    }
}
