//! The rules of the house, held by a test: floors, circles, the place of SQL, the length of files, and that the docs name every setting.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::{Attribute, File, Item, ItemMod, UseTree, visit::Visit};

/// The floors from the top down, each with those that it may use. On one floor, neighbours don't know each other.
const FLOORS: [(&str, &[&str]); 17] = [
    ("cli", &["api", "app", "chats", "config", "ids", "keys", "knowledge", "lexicon", "model", "replies", "server", "store", "text"]),
    ("server", &["api", "app", "config", "ids", "keys", "knowledge", "model", "replies", "store", "task", "text"]),
    ("api", &["chats", "failpoint", "ids", "keys", "knowledge", "lexicon", "model", "replies", "store", "task", "text"]),
    ("app", &["chats", "config", "ids", "knowledge", "model", "replies", "spelling", "store"]),
    (
        "replies",
        &["chats", "config", "facts", "failpoint", "ids", "knowledge", "lexicon", "model", "promises", "spelling", "store", "task", "text"],
    ),
    ("chats", &["facts", "failpoint", "ids", "lexicon", "promises", "store", "task", "text"]),
    ("knowledge", &["config", "facts", "failpoint", "ids", "lexicon", "spelling", "store", "task", "text"]),
    ("model", &["config", "task", "text"]),
    ("keys", &["config", "ids", "store", "task"]),
    ("config", &["facts", "ids", "text"]),
    ("store", &["task"]),
    ("promises", &["facts", "lexicon", "text"]),
    ("facts", &["lexicon", "text"]),
    ("spelling", &["lexicon", "text"]),
    ("lexicon", &["text"]),
    ("text", &[]),
    ("ids", &[]),
];
/// Modules that any floor may use, and what stands at the root of the crate.
const EVERYWHERE: [&str; 6] = ["failpoint", "fuzz_seeds", "lib", "random", "task", "telemetry"];
/// Lines of a file, its tests apart.
const MAX_LINES: usize = 400;
const SQL: [&str; 4] = ["sqlx::query", "query_as(", "query_scalar(", "AssertSqlSafe"];

/// A source file, and the paths within the crate that it names, each as its segments.
struct Source {
    path: String,
    module: Vec<String>,
    lines: usize,
    text: String,
    uses: BTreeSet<Vec<String>>,
}

#[derive(Default)]
struct Paths(BTreeSet<Vec<String>>);

impl Paths {
    fn tree(&mut self, tree: &UseTree, before: &[String]) {
        let with = |name: &dyn ToString| before.iter().cloned().chain([name.to_string()]).collect::<Vec<String>>();
        match tree {
            UseTree::Path(path) => self.tree(&path.tree, &with(&path.ident)),
            UseTree::Name(name) => self.add(with(&name.ident)),
            UseTree::Rename(rename) => self.add(with(&rename.ident)),
            UseTree::Glob(_) => self.add(before.to_vec()),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(tree, before)),
        }
    }

    fn add(&mut self, path: Vec<String>) {
        if path.len() > 1 && path[0] == "crate" {
            self.0.insert(path[1..].to_vec());
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if !is_for_tests(&module.attrs) {
            syn::visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.add(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        syn::visit::visit_path(self, path);
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg") && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string().contains("test"))
    })
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The files that are no tests themselves.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    files(&root, &mut found);
    let mut sources = Vec::new();
    for path in found {
        let text = fs::read_to_string(&path).expect("a text");
        let file: File = syn::parse_file(&text).expect("Rust code");
        let name = path.strip_prefix(&root).expect("it is below").to_str().expect("a name").to_owned();
        let own =
            file.items.iter().filter(|item| !matches!(item, Item::Mod(module) if is_for_tests(&module.attrs) && module.content.is_some()));
        let mut paths = Paths::default();
        own.for_each(|item| paths.visit_item(item));
        let lines = text.lines().take_while(|line| !line.starts_with("mod tests {")).count();
        let module = name.trim_end_matches(".rs").trim_end_matches("/mod").split('/').map(str::to_owned).collect();
        if !name.ends_with("_tests.rs") && !name.ends_with("fuzz.rs") && name != "main.rs" {
            sources.push(Source { path: name, module, lines, text, uses: paths.0 });
        }
    }
    assert!(sources.len() > 100, "only {} files were found", sources.len());
    sources
}

#[test]
fn a_floor_uses_only_the_floors_below_it() {
    let mut wrong = Vec::new();
    for source in sources() {
        let floor = source.module[0].as_str();
        if EVERYWHERE.contains(&floor) {
            continue;
        }
        let Some((_, allowed)) = FLOORS.iter().find(|(name, _)| *name == floor) else {
            wrong.push(format!("{}: `{floor}` is no floor of the list", source.path));
            continue;
        };
        for used in &source.uses {
            let used = used[0].as_str();
            if used != floor && !allowed.contains(&used) && !EVERYWHERE.contains(&used) {
                wrong.push(format!("{} uses `{used}`", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A folder's `mod.rs` holds its main type, whose methods stand in the folder's files: those arrows are not counted.
#[test]
fn no_files_import_one_another_in_a_circle() {
    let sources = sources();
    let by_module: BTreeMap<&[String], usize> = sources
        .iter()
        .enumerate()
        .filter(|(_, source)| !source.path.ends_with("mod.rs"))
        .map(|(at, source)| (source.module.as_slice(), at))
        .collect();
    let target = |path: &[String]| (1..=path.len()).rev().find_map(|length| by_module.get(&path[..length]).copied());
    let arrows: Vec<BTreeSet<usize>> = (sources.iter().enumerate())
        .map(|(at, source)| {
            if by_module.contains_key(source.module.as_slice()) {
                source.uses.iter().filter_map(|path| target(path)).filter(|to| *to != at).collect()
            } else {
                BTreeSet::new()
            }
        })
        .collect();
    let mut circles = BTreeSet::new();
    for (start, source) in sources.iter().enumerate() {
        let (mut reached, mut open) = (BTreeSet::new(), vec![start]);
        while let Some(at) = open.pop() {
            open.extend(arrows[at].iter().filter(|to| reached.insert(**to)));
        }
        if reached.contains(&start) {
            circles.insert(source.path.as_str());
        }
    }
    assert!(circles.is_empty(), "each of these reaches itself: {circles:#?}");
}

#[test]
fn sql_stands_in_the_store_and_in_files_of_rows() {
    let elsewhere = sources();
    let elsewhere: Vec<&str> = (elsewhere.iter())
        .filter(|source| source.module[0] != "store" && !source.path.ends_with("_rows.rs") && source.path != "store.rs")
        .filter(|source| SQL.iter().any(|mark| source.text.contains(mark)))
        .map(|source| source.path.as_str())
        .collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}

#[test]
fn a_file_is_short() {
    let long: Vec<(String, usize)> =
        sources().into_iter().filter(|source| source.lines > MAX_LINES).map(|source| (source.path, source.lines)).collect();
    assert!(long.is_empty(), "more than {MAX_LINES} lines without their tests: {long:?}");
}

#[test]
fn the_docs_name_every_setting_and_no_other() {
    let docs = include_str!("../docs/configuration.md");
    let variables: BTreeSet<String> = docs
        .lines()
        .filter(|line| line.starts_with("| `"))
        .flat_map(|line| line.split('`'))
        .filter(|word| word.starts_with("DESKHAND_") || word.starts_with("OPENAI_"))
        .map(str::to_owned)
        .collect();
    let known: BTreeSet<String> = deskhand::config::flags()
        .iter()
        .filter_map(|flag| flag.get_env())
        .map(|variable| variable.to_str().expect("a plain name").to_owned())
        .collect();
    let missing: Vec<&String> = known.difference(&variables).collect();
    let unknown: Vec<&String> = variables.difference(&known).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "not in docs/configuration.md: {missing:?}; only there: {unknown:?}");
}

/// A row is `NAME` or several names, their values in the same order, and the files that they stand in.
#[test]
fn the_page_on_ranking_names_each_constant_with_its_value_where_it_stands() {
    let page = include_str!("../docs/ranking.md");
    let sources = sources();
    let mut wrong = Vec::new();
    let mut checked = 0;
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [names, values, files, ..] = cells.as_slice() else { continue };
        let files: Vec<&str> = files.split(", ").map(|file| file.trim_matches('`')).collect();
        let values: Vec<&str> = values.split(", ").collect();
        let names: Vec<&str> = names.split(", ").map(|name| name.trim_matches('`')).collect();
        for (place, name) in names.iter().enumerate() {
            let of_files = sources.iter().filter(|source| files.iter().any(|file| source.path.ends_with(file)));
            let declared = of_files.filter_map(|source| source.text.split_once(&format!("const {name}: "))?.1.split_once(" = "));
            let written: Vec<&str> = declared.filter_map(|(_, rest)| Some(rest.split_once(';')?.0)).collect();
            let number = |text: &str| text.replace('_', "").parse::<f64>().ok();
            let is_same = |code: &&str| number(code).is_none() || values.get(place).and_then(|value| number(value)) == number(code);
            checked += 1;
            // A table of several numbers is only looked for.
            if written.is_empty() || (names.len() == values.len() && !written.iter().any(is_same)) {
                wrong.push(format!("{name}: {files:?} has {written:?}, the page {values:?}"));
            }
        }
    }
    assert!(wrong.is_empty() && checked > 80, "{checked} checked; {wrong:#?}");
}
