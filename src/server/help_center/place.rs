//! Which workspace's help center is at the host that a request names.

use std::{collections::HashMap, sync::Arc};

use http::{HeaderMap, HeaderValue, Uri};

use crate::{
    config::{Config, ConfigError, HelpCenterConfig},
    ids::Workspace,
    server::{
        auth::Authenticator,
        auth::authority,
        compression::Encodings,
        help_center::{address::STYLE, theme::Theme},
    },
    text::fingerprint,
};

/// The help center of a workspace.
pub struct HelpCenter {
    pub workspace: Workspace,
    pub theme: Theme,
    /// Its style sheet, compressed once.
    pub style: Encodings,
    /// Names the content of the style sheet.
    pub style_tag: String,
    /// What its pages may load.
    pub policy: HeaderValue,
}

impl HelpCenter {
    fn new(workspace: Workspace, theme: Theme) -> HelpCenter {
        let style = Encodings::best(theme.style.clone().into_bytes());
        let style_tag = fingerprint(&theme.style)[..12].to_owned();
        let logo = reqwest::Url::parse(&theme.logo).ok().map(|url| format!(" {}", url.origin().ascii_serialization()));
        let pictures: String = theme.picture_hosts.iter().map(|host| format!(" https://{host}")).chain(logo).collect();
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:{pictures}; base-uri 'none'; \
             form-action 'self'; frame-ancestors 'self'"
        );
        let policy = HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
        HelpCenter { workspace, theme, style, style_tag, policy }
    }

    /// Where the style sheet stands. Another style sheet has another address, so that caches may keep it.
    pub fn style_address(&self) -> String {
        format!("{STYLE}?v={}", self.style_tag)
    }
}

/// The help centers of a server.
pub struct HelpCenters {
    /// Those that are published, by the host and port that browsers name, with their origins.
    published: HashMap<String, (Arc<HelpCenter>, String)>,
    /// That of `default`, which a server without keys shows.
    open: Arc<HelpCenter>,
    scheme: &'static str,
}

/// A help center, at the origin where a visitor sees it.
pub struct Place {
    pub center: Arc<HelpCenter>,
    /// Such as `https://help.shop.example`.
    pub origin: String,
    /// Whether an operator published it; else the server has no keys.
    pub is_published: bool,
}

impl HelpCenters {
    /// Reads the themes; the error names every problem of the first file that has any.
    pub fn read(config: &Config) -> Result<HelpCenters, ConfigError> {
        let (mut published, mut open) = (HashMap::new(), None);
        for (workspace, HelpCenterConfig { address, theme }) in &config.help_centers {
            let theme = theme.as_deref().map_or_else(|| Ok(Theme::built_in()), Theme::read)?;
            let center = Arc::new(HelpCenter::new(workspace.clone(), theme));
            if let Some((origin, (_, host))) = address.as_ref().and_then(|origin| Some((origin, origin.split_once("://")?))) {
                published.insert(host.to_owned(), (Arc::clone(&center), origin.clone()));
            }
            if *workspace == Workspace::default() {
                open = Some(center);
            }
        }
        let open = open.unwrap_or_else(|| Arc::new(HelpCenter::new(Workspace::default(), Theme::built_in())));
        Ok(HelpCenters { published, open, scheme: if config.tls_certificate.is_some() { "https" } else { "http" } })
    }

    /// The help center at the host that a request names; `None` if none is shown there.
    pub fn at(&self, headers: &HeaderMap, uri: &Uri, authenticator: &Authenticator) -> Option<Place> {
        let host = authority(headers, uri)?.to_ascii_lowercase();
        let without_port = [":443", ":80"].iter().find_map(|port| host.strip_suffix(port));
        if let Some((center, origin)) = self.published.get(&host).or_else(|| self.published.get(without_port?)) {
            return Some(Place { center: Arc::clone(center), origin: origin.clone(), is_published: true });
        }
        let is_plain = host.parse::<http::uri::Authority>().is_ok() && !host.contains('@');
        let origin = format!("{}://{host}", self.scheme);
        let is_open = is_plain && authenticator.serves_without_key(&host);
        is_open.then(|| Place { center: Arc::clone(&self.open), origin, is_published: false })
    }
}
