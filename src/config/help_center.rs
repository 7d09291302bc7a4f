//! Settings of a workspace's help center: where its pages are published, and how they look.

use std::{collections::BTreeMap, path::PathBuf};

use toml::Value;

use crate::{config::value, ids::Workspace};

/// The help center of a workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HelpCenterConfig {
    /// The origin that its pages are published at, such as `https://help.shop.example`; `None`: they are not published.
    pub address: Option<String>,
    /// The file of its theme; `None`: the built-in one.
    pub theme: Option<PathBuf>,
}

impl HelpCenterConfig {
    /// Sets one key; the error says which values are allowed.
    pub fn set(&mut self, key: &str, given: &Value) -> Result<(), String> {
        match key {
            "help_center" => origin(given).map(|address| self.address = Some(address)),
            _ => value::text(given, "a TOML file").map(|file| self.theme = Some(PathBuf::from(file))),
        }
    }
}

/// Two workspaces can't be told apart at one host.
pub fn check(help_centers: &BTreeMap<Workspace, HelpCenterConfig>, problems: &mut Vec<String>) {
    let host = |address: &str| address.split_once("://").map(|(_, host)| host.to_owned()).unwrap_or_default();
    let mut known: BTreeMap<String, &Workspace> = BTreeMap::new();
    for (workspace, HelpCenterConfig { address, theme: _ }) in help_centers {
        let Some(address) = address else { continue };
        if let Some(other) = known.insert(host(address), workspace) {
            problems.push(format!("`help_center` of workspace `{workspace}` is at the host of that of `{other}`; each needs its own host"));
        }
    }
}

/// The origin of a web address without a path.
fn origin(given: &Value) -> Result<String, String> {
    let what = "where browsers find the help center, without a path, such as `https://help.shop.example`";
    let problem = || format!("it must be {what}");
    let url = reqwest::Url::parse(&value::text(given, what)?).map_err(|_| problem())?;
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let is_plain = url.username().is_empty() && url.password().is_none() && url.has_host();
    if matches!(url.scheme(), "http" | "https") && is_bare && is_plain { Ok(url.origin().ascii_serialization()) } else { Err(problem()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_an_origin() {
        for (given, origin) in [
            ("https://help.shop.example", "https://help.shop.example"),
            ("https://Help.Shop.example:443/", "https://help.shop.example"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("https://yardım.example", "https://xn--yardm-q4a.example"),
        ] {
            let mut config = HelpCenterConfig::default();
            config.set("help_center", &Value::from(given)).unwrap();
            assert_eq!(config.address.as_deref(), Some(origin));
        }
        for bad in ["help.shop.example", "https://shop.example/help", "ftp://x", "https://a@b.example", "https://x/?a", "", "javascript:x"]
        {
            assert!(HelpCenterConfig::default().set("help_center", &Value::from(bad)).is_err(), "{bad}");
        }
    }
}
