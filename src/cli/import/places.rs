//! Places of a help center that stand in one another, such as sections and collections. The way to one is the category of its articles.

use std::collections::{HashMap, HashSet};

use crate::cli::import::account::Account;

/// Places by id.
#[derive(Default)]
pub struct Places(HashMap<String, Place>);

struct Place {
    name: String,
    /// The place that it stands in; empty if it stands in none.
    parent: String,
}

impl Places {
    /// Adds a place.
    pub fn add(&mut self, id: &str, name: &str, parent: &str) {
        self.0.insert(id.to_owned(), Place { name: name.to_owned(), parent: parent.to_owned() });
    }

    /// The names on the way to a place, the outermost first, as `Orders / Returns`. What the files lack is listed with the id of the article.
    pub fn path(&self, id: &str, kind: &str, article: &str, account: &mut Account) -> String {
        let (mut names, mut seen, mut at) = (Vec::new(), HashSet::new(), id);
        while !at.is_empty() && seen.insert(at) {
            let Some(Place { name, parent }) = self.0.get(at) else {
                account.list(
                    match names.is_empty() {
                        true => format!("articles whose {kind} is not in the files, without a category"),
                        false => format!("articles whose {kind} stands in a place that is not in the files"),
                    },
                    article,
                );
                break;
            };
            names.push(name.as_str());
            at = parent;
        }
        names.retain(|name| !name.is_empty());
        names.reverse();
        names.join(" / ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_ends_whatever_stands_in_what() {
        let mut places = Places::default();
        for (id, name, parent) in
            [("1", "Orders", ""), ("2", "Returns", "1"), ("3", "Costs", "2"), ("4", "Lost", "9"), ("5", "A", "6"), ("6", "B", "5")]
        {
            places.add(id, name, parent);
        }
        let mut account = Account::default();
        let mut path = |id: &str| places.path(id, "section", "article", &mut account);
        let paths = ["3", "1", "", "4", "5", "7"].map(&mut path);
        assert_eq!(paths, ["Orders / Returns / Costs", "Orders", "", "Lost", "B / A", ""]);
        let listed = format!("{account:?}");
        for part in ["whose section is not in the files, without a category", "whose section stands in a place that is not in the files"] {
            assert!(listed.contains(part), "{listed}");
        }
    }
}
