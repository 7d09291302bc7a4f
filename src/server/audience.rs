//! For whom a listener is, and what it serves them.

/// For whom a listener is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Consoles, agents and everybody else; operators only if no listener is for them alone.
    Everybody {
        /// Whether the metrics are served, too.
        metrics: bool,
    },
    /// Operators: metrics and probes.
    Operators,
    /// Customers: the help pages.
    Customers,
}

impl Audience {
    /// The API in all its protocols, and the console.
    pub fn has_api(self) -> bool {
        matches!(self, Audience::Everybody { .. })
    }

    pub fn has_help(self) -> bool {
        self != Audience::Operators
    }

    pub fn has_metrics(self) -> bool {
        matches!(self, Audience::Operators | Audience::Everybody { metrics: true })
    }

    pub fn has_probes(self) -> bool {
        self != Audience::Customers
    }

    /// Whether proxies may stand before it. Probes and monitoring call operators' listener themselves.
    pub fn is_behind_proxies(self) -> bool {
        self != Audience::Operators
    }
}
