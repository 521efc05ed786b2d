//! A series of Django's migrations. What is wanted is what Django 5.2.19 sends to PostgreSQL for these two files, names and all.

use super::super::{
    Act, Backing, DeclaredIndex, DjangoFile, Extract, IndexName, Known, Language, TableName, extract,
    settle_models,
};
use super::tables;

const FIRST: &str = include_str!("django_shop/0001_initial.py");
const SECOND: &str = include_str!("django_shop/0002_more.py");

/// Reads migrations of the app `shop`, and gives those that stand for others.
fn series(texts: &[(&str, &str)]) -> (Vec<Extract>, Vec<usize>) {
    let mut found: Vec<Extract> = texts.iter().map(|(_, text)| extract(Language::Python, text)).collect();
    for extract in &found {
        assert_eq!(extract.problems, []);
    }
    let mut files: Vec<DjangoFile<'_>> = found
        .iter_mut()
        .zip(texts)
        .map(|(extract, (name, _))| DjangoFile {
            app: "shop".to_owned(),
            name: (*name).to_owned(),
            replaces: &extract.replaces,
            changes: &extract.changes,
            declared: &mut extract.declared,
            tables: &mut extract.tables,
        })
        .collect();
    let doubled = settle_models(&mut files);
    (found, doubled)
}

fn line(index: &DeclaredIndex) -> String {
    let name = match &index.name {
        IndexName::Given(name) | IndexName::Derived(name) => name.as_str(),
        IndexName::Unsaid => "-",
        IndexName::Unknown(_) => "?",
    };
    let table = match &index.table {
        TableName::Given(table) => table.as_str(),
        TableName::OfModel(_) | TableName::Unsaid | TableName::Unknown(_) => "?",
    };
    let keys: Vec<&str> =
        index.keys.get().unwrap().iter().map(|key| key.text.get().map_or("?", String::as_str)).collect();
    let act = if index.act == Act::Create { "create" } else { "drop" };
    let backing = if index.backing == Backing::Plain { "" } else { " backing" };
    let cause = format!("{:?}", index.cause).to_lowercase();
    format!("{} {act} {name} on {table} ({}){backing} {cause}", index.place.line, keys.join(","))
}

#[test]
fn a_series_has_the_indexes_that_django_makes_with_their_names() {
    let (found, _) = series(&[("0001_initial", FIRST), ("0002_more", SECOND)]);
    let first: Vec<String> = found[0].declared.iter().map(line).collect();
    let wanted = [
        "9 create shop_tag_code_832f2c20_like on shop_tag (code) companion",
        "9 create shop_tag_label_75bd5993 on shop_tag (label) option",
        "9 create shop_tag_label_75bd5993_like on shop_tag (label) companion",
        "10 create shop_people_age_parent_id_ff8641ff_uniq on shop_people (age,parent_id) backing option",
        "14 create - on shop_people (email) backing option",
        "14 create shop_people_email_8692ed97_like on shop_people (email) companion",
        "15 create shop_people_slug_447328d8 on shop_people (slug) option",
        "15 create shop_people_slug_447328d8_like on shop_people (slug) companion",
        "16 create shop_people_phone_a45ffc59 on shop_people (phone) option",
        "16 create shop_people_phone_a45ffc59_like on shop_people (phone) companion",
        "17 create shop_people_age_2b3f84f5 on shop_people (age) option",
        "18 create - on shop_people (number) backing option",
        "19 create shop_people_HomeTown_9daa1d60 on shop_people (HomeTown) option",
        "19 create shop_people_HomeTown_9daa1d60_like on shop_people (HomeTown) companion",
        "20 create shop_people_parent_id_306df804 on shop_people (parent_id) habit",
        "21 create shop_people_tag_id_1ece9b89 on shop_people (tag_id) habit",
        "21 create shop_people_tag_id_1ece9b89_like on shop_people (tag_id) companion",
        "23 create - on shop_people (one_id) backing option",
        "26 create shop_par_idx on shop_people (parent_id,age) said",
        "27 create shop_home_uniq on shop_people (HomeTown,tag_id) backing said",
        "27 create shop_tag_uniq on shop_people (tag_id) said",
        "30 create shop_order_tags_order_id_tag_id_2fbdacc8_uniq on shop_order_tags (order_id,tag_id) backing habit",
        "30 create shop_order_tags_order_id_5bb25cfa on shop_order_tags (order_id) habit",
        "30 create shop_order_tags_tag_id_9a3f0a99 on shop_order_tags (tag_id) habit",
        "30 create shop_order_tags_tag_id_9a3f0a99_like on shop_order_tags (tag_id) companion",
        "30 create shop_order_peers_from_order_id_to_order_id_76c27fcd_uniq on shop_order_peers (from_order_id,to_order_id) backing habit",
        "30 create shop_order_peers_from_order_id_9e711e52 on shop_order_peers (from_order_id) habit",
        "30 create shop_order_peers_to_order_id_d7734fc0 on shop_order_peers (to_order_id) habit",
        "31 create shop_order_customer_id_f638df20 on shop_order (customer_id) habit",
    ];
    assert_eq!(first, wanted);
    let second: Vec<String> = found[1].declared.iter().map(line).collect();
    let wanted = [
        "9 create order_cust_idx on shop_order (customer_id,id) said",
        r#"10 create order_low_idx on shop_order (LOWER("note"),id,LOWER("note")) said"#,
        "11 create shop_order_note_94455a30 on shop_order (note) option",
        "11 create shop_order_note_94455a30_like on shop_order (note) companion",
        "12 drop shop_people_age_2b3f84f5 on shop_people () option",
        "12 create shop_people_age_2b3f84f5_uniq on shop_people (age) backing option",
        "13 create shop_people_tag_id_number_b283b799_uniq on shop_people (tag_id,number) backing option",
        "17 create buy_rem_idx on buying (remark) said",
        "18 create buying_a_very_long_field_name_tha_f666b097 on buying (a_very_long_field_name_that_does_not_fit_into_a_name) option",
        "18 create buying_a_very_long_field_name_t_f666b097_like on buying (a_very_long_field_name_that_does_not_fit_into_a_name) companion",
        "19 drop buy_rem_idx on buying () said",
    ];
    assert_eq!(second, wanted);
}

#[test]
fn a_series_has_what_happens_to_the_tables() {
    let (found, _) = series(&[("0001_initial", FIRST), ("0002_more", SECOND)]);
    assert_eq!(
        tables(&found[0]),
        [
            "shop_tag create",
            "shop_people create",
            "shop_order create",
            "shop_order_tags create",
            "shop_order_peers create",
        ]
    );
    assert_eq!(
        tables(&found[1]),
        [
            "shop_order rename column note to remark",
            "shop_order rename to shop_purchase",
            "shop_order_tags rename to shop_purchase_tags",
            "shop_order_peers rename to shop_purchase_peers",
            "shop_purchase_tags rename column order_id to purchase_id",
            "shop_purchase_peers rename column from_order_id to from_purchase_id",
            "shop_purchase_peers rename column to_order_id to to_purchase_id",
            "shop_purchase rename to buying",
            "shop_purchase_tags rename to buying_tags",
            "shop_purchase_peers rename to buying_peers",
            "buying_tags drop",
        ]
    );
}

fn migration(head: &str, operations: &str) -> String {
    format!(
        "from django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n{head}\n    operations = \
         [\n{operations}\n    ]\n"
    )
}

#[test]
fn what_only_tells_django_what_is_there_makes_nothing_and_counts_from_then_on() {
    let text = migration(
        "",
        "migrations.CreateModel(name='T', fields=[('id', models.AutoField(primary_key=True))]),\n\
         migrations.SeparateDatabaseAndState(state_operations=[migrations.AddField('t', 'a', models.ForeignKey('T', \
         models.CASCADE, db_column='A'))]),\nmigrations.AddIndex('t', models.Index(fields=['a'], name='i')),",
    );
    let (found, _) = series(&[("0001", &text)]);
    let lines: Vec<String> = found[0].declared.iter().map(line).collect();
    assert_eq!(lines, ["9 create i on shop_t (A) said"]);
}

#[test]
fn a_table_that_django_does_not_look_after_has_no_index() {
    let text = migration(
        "",
        "migrations.CreateModel(name='T', fields=[('a', models.IntegerField(db_index=True))], options={'managed': \
         False, 'indexes': [models.Index(fields=['a'], name='i')]}),\nmigrations.AddIndex('t', models.Index(fields=['a'], \
         name='j')),",
    );
    let (found, _) = series(&[("0001", &text)]);
    assert_eq!(found[0].declared, []);
    assert_eq!(found[0].tables, []);
}

#[test]
fn a_migration_that_stands_for_others_is_not_told_twice() {
    let one = migration(
        "",
        "migrations.CreateModel(name='T', fields=[('a', models.IntegerField(db_index=True))]),",
    );
    let both = migration(
        "    replaces = [('shop', '0001_initial')]",
        "migrations.CreateModel(name='T', fields=[('a', models.IntegerField(db_index=True))]),",
    );
    let (found, doubled) = series(&[("0001_initial", &one), ("0001_squashed", &both)]);
    assert_eq!(doubled, [1]);
    assert_eq!((found[0].declared.len(), found[1].declared.len()), (1, 0));
    let (found, doubled) = series(&[("0001_squashed", &both)]);
    assert_eq!((doubled, found[0].declared.len()), (Vec::new(), 1));
}

#[test]
fn a_constraint_under_a_condition_goes_as_an_index() {
    let text = migration(
        "",
        "migrations.CreateModel(name='T', fields=[('a', models.IntegerField())]),\nmigrations.AddConstraint('t', \
         models.UniqueConstraint(fields=['a'], name='u', condition=models.Q(a=1))),\nmigrations.RemoveConstraint('t', 'u'),",
    );
    let (found, _) = series(&[("0001", &text)]);
    let told: Vec<_> = found[0].declared.iter().map(|index| (index.act, index.backing)).collect();
    assert_eq!(told, [(Act::Create, Backing::Plain), (Act::Drop, Backing::Plain)]);
    assert_eq!(found[0].declared[1].keys, Known::Known(Vec::new()));
}
