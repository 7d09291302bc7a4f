//! The theme of a help center: a file of its operator, checked at start.

use std::{collections::BTreeMap, fmt::Write, fs, io::Read, path::Path};

use serde::{Deserialize, Serialize};

use crate::config::ConfigError;

/// Largest file, in bytes.
const MAX_BYTES: u64 = 64 << 10;
const MAX_LINKS: usize = 20;
const MAX_TEXT: usize = 200;
const MAX_ADDRESS: usize = 2000;
/// Least contrast of a text with what is behind it: WCAG 2.2, level AA.
const MIN_CONTRAST: f64 = 4.5;
/// The colours, with the built-in ones for light and for dark.
const COLOURS: [(&str, &str, &str); 6] = [
    ("ground", "#f4f7fa", "#0e141b"),
    ("card", "#ffffff", "#17202a"),
    ("text", "#16202b", "#e8edf3"),
    ("soft", "#4d5a69", "#a7b3c0"),
    ("accent", "#14639e", "#86c0f2"),
    ("line", "#d5dde6", "#2d3945"),
];
/// The colours of texts, and of what is behind them.
const TEXTS: [&str; 3] = ["text", "soft", "accent"];
const BEHIND: [&str; 2] = ["ground", "card"];
/// What every page looks like.
const STYLE: &str = include_str!("pages/center.css");

/// A link of a page's footer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    pub text: String,
    pub address: String,
}

/// How a help center looks, and what it says of its shop.
#[derive(Debug, Clone, Default)]
pub struct Theme {
    /// Its name; empty: the words of the page's language.
    pub title: String,
    /// Where its logo leads; empty: to the help center.
    pub home: String,
    /// The address of its logo, by HTTPS; empty: none.
    pub logo: String,
    pub footer: Vec<Link>,
    /// Hosts whose pictures are shown, in lower case.
    pub picture_hosts: Vec<String>,
    /// The style sheet.
    pub style: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    title: String,
    home: String,
    logo: String,
    footer: Vec<Link>,
    picture_hosts: Vec<String>,
    light: BTreeMap<String, String>,
    dark: BTreeMap<String, String>,
}

impl Theme {
    /// The built-in theme.
    pub fn built_in() -> Theme {
        let none = BTreeMap::new();
        Theme { style: style(&colours(false, &none), &colours(true, &none)), ..Theme::default() }
    }

    /// Reads a theme's file; the error names every problem.
    pub fn read(file: &Path) -> Result<Theme, ConfigError> {
        let place = |problem: String| format!("`help_center_theme` is the file `{}`, {problem}", file.display());
        let unreadable = |error: std::io::Error| ConfigError::new(place(format!("which can't be read: {error}")));
        let mut text = Vec::new();
        fs::File::open(file).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut text)).map_err(unreadable)?;
        if text.len() as u64 > MAX_BYTES {
            return Err(ConfigError::new(place(format!("which is larger than {} KiB", MAX_BYTES >> 10))));
        }
        let parsed = String::from_utf8(text)
            .map_err(|_| "it is not UTF-8".to_owned())
            .and_then(|text| toml::from_str::<File>(&text).map_err(|error| error.to_string().trim().replace('\n', "\n    ")));
        let parsed = parsed.map_err(|problem| ConfigError::new(place(format!("which is not a theme: {problem}"))))?;
        let (theme, problems) = checked(parsed);
        if problems.is_empty() { Ok(theme) } else { Err(ConfigError { problems: problems.into_iter().map(place).collect() }) }
    }
}

fn checked(File { title, home, logo, footer, picture_hosts, light, dark }: File) -> (Theme, Vec<String>) {
    let mut problems = Vec::new();
    let mut check = |is_right: bool, problem: String| {
        if !is_right {
            problems.push(problem);
        }
    };
    check(title.chars().count() <= MAX_TEXT, format!("whose `title` has more than {MAX_TEXT} characters"));
    check(home.is_empty() || is_address(&home, &["http", "https"]), "whose `home` is no http or https address".to_owned());
    check(logo.is_empty() || is_address(&logo, &["https"]), "whose `logo` is no https address".to_owned());
    check(footer.len() <= MAX_LINKS, format!("whose `footer` has more than {MAX_LINKS} links"));
    for (at, Link { text, address }) in footer.iter().enumerate() {
        let is_named = !text.trim().is_empty() && text.chars().count() <= MAX_TEXT;
        check(is_named, format!("whose `footer[{at}].text` is empty or has more than {MAX_TEXT} characters"));
        let is_right = is_address(address, &["http", "https", "mailto", "tel"]);
        check(is_right, format!("whose `footer[{at}].address` is no address that begins with http:, https:, mailto: or tel:"));
    }
    for host in &picture_hosts {
        let is_host = !host.is_empty() && host.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'));
        check(is_host, format!("whose `picture_hosts` has `{host}`, which is no host in lower case, such as `cdn.shop.example`"));
    }
    for (table, given, is_dark) in [("light", &light, false), ("dark", &dark, true)] {
        let known = COLOURS.map(|(name, ..)| name);
        for (name, colour) in given {
            check(
                known.contains(&name.as_str()),
                format!("whose `{table}.{name}` is no colour of a theme; expected one of {}", known.join(", ")),
            );
            check(luminance(colour).is_some(), format!("whose `{table}.{name}` is `{colour}`: it must be a colour such as `#14639e`"));
        }
        let all = colours(is_dark, given);
        for (text, behind) in TEXTS.iter().flat_map(|text| BEHIND.map(|behind| (*text, behind))) {
            if let (Some(one), Some(other)) = (luminance(all[text]), luminance(all[behind])) {
                let contrast = (one.max(other) + 0.05) / (one.min(other) + 0.05);
                let problem = format!(
                    "whose `{table}.{text}` `{}` can hardly be read on `{behind}` `{}`: the contrast is {contrast:.2}, and must be at least {MIN_CONTRAST}",
                    all[text], all[behind]
                );
                check(contrast >= MIN_CONTRAST, problem);
            }
        }
    }
    let style = style(&colours(false, &light), &colours(true, &dark));
    (Theme { title: title.trim().to_owned(), home, logo, footer, picture_hosts, style }, problems)
}

fn is_address(address: &str, schemes: &[&str]) -> bool {
    let is_plain = address.len() <= MAX_ADDRESS && !address.contains(|letter: char| letter.is_control() || letter.is_whitespace());
    is_plain && reqwest::Url::parse(address).is_ok_and(|url| schemes.contains(&url.scheme()))
}

/// The colours by name: those given, else the built-in ones.
fn colours(is_dark: bool, given: &BTreeMap<String, String>) -> BTreeMap<&'static str, &str> {
    let built_in = |light: &'static str, dark: &'static str| if is_dark { dark } else { light };
    COLOURS.into_iter().map(|(name, light, dark)| (name, given.get(name).map_or(built_in(light, dark), String::as_str))).collect()
}

fn style(light: &BTreeMap<&str, &str>, dark: &BTreeMap<&str, &str>) -> String {
    let rules = |colours: &BTreeMap<&str, &str>| {
        colours.iter().fold(String::new(), |mut rules, (name, colour)| {
            // Colours are checked: nothing else of the file gets into the style sheet.
            let _ = write!(rules, "--{name}:{colour};");
            rules
        })
    };
    format!(":root{{{}}}\n@media (prefers-color-scheme:dark){{:root{{{}}}}}\n{STYLE}", rules(light), rules(dark))
}

/// The relative luminance of a colour like `#14639e` or `#fff`, by WCAG; `None` if it is none.
fn luminance(colour: &str) -> Option<f64> {
    let digits = colour.strip_prefix('#').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let digits = match digits.len() {
        3 => digits.chars().flat_map(|digit| [digit, digit]).collect(),
        6 => digits.to_owned(),
        _ => return None,
    };
    let part = |at: usize| {
        let value = f64::from(u8::from_str_radix(&digits[at..at + 2], 16).unwrap_or_default()) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    Some(0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Theme, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        Theme::read(file.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_built_in_theme_is_right() {
        let (theme, problems) = checked(File::default());
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(theme.style, Theme::built_in().style);
    }

    #[test]
    fn a_theme_has_what_its_file_says() {
        let text = "title = \"Rose\"\nhome = \"https://rose.example\"\nlogo = \"https://rose.example/l.svg\"\npicture_hosts = [\"cdn.rose.example\"]\n\
                    [[footer]]\ntext = \"Imprint\"\naddress = \"mailto:a@rose.example\"\n[light]\naccent = \"#a1003c\"\n[dark]\nground = \"#000\"\n";
        let theme = read(text).unwrap();
        assert_eq!((theme.title.as_str(), theme.footer.len(), theme.picture_hosts.len()), ("Rose", 1, 1));
        assert!(theme.style.contains("--accent:#a1003c;") && theme.style.contains("--ground:#000;"), "{}", theme.style);
    }

    #[test]
    fn every_problem_of_a_theme_is_told() {
        let text = "home = \"javascript:alert(1)\"\nlogo = \"http://rose.example/l.svg\"\npicture_hosts = [\"a b\", \"x;script-src *\"]\n\
                    [[footer]]\ntext = \"\"\naddress = \"data:text/html,x\"\n[light]\naccent = \"red;} body{display:none\"\nsoft = \"#eeeeee\"\nhue = \"#000\"\n";
        let error = read(text).unwrap_err();
        for part in [
            "`home`",
            "`logo`",
            "`a b`",
            "`x;script-src *`",
            "`footer[0].text`",
            "`footer[0].address`",
            "`light.accent`",
            "`light.hue`",
            "contrast is 1.",
        ] {
            assert!(error.contains(part), "{part} in {error}");
        }
        assert!(read("nonsense = 1").unwrap_err().contains("unknown field"));
        assert!(read(&"#".repeat(70_000)).unwrap_err().contains("larger than 64 KiB"));
        assert!(Theme::read(Path::new("/no/such")).unwrap_err().to_string().contains("can't be read"));
    }
}
