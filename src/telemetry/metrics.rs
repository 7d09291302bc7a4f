//! Metrics in the OpenMetrics text format. What a component counts it keeps in `prometheus-client`'s own types; what it knows anyway is read
//! only when somebody asks.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet, text},
    metrics::{MetricType, histogram::Histogram},
    registry::{Registry, Unit},
};

/// The content type of [`rendered`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The labels of a sample.
pub type Labels = Vec<(&'static str, String)>;

/// The name and the help text of a gauge, and how it is read from what knows it.
pub type Gauge<T> = (&'static str, &'static str, fn(T) -> usize);

/// A metric that is read on each scrape.
struct ReadOnScrape<F> {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    read: F,
}

impl<F> fmt::Debug for ReadOnScrape<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ReadOnScrape").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<F> ReadOnScrape<F> {
    fn encode_sample(&self, sample: &mut MetricEncoder<'_>, value: u64) -> fmt::Result {
        match self.kind {
            MetricType::Counter => sample.encode_counter::<NoLabelSet, _, u64>(&value, None),
            _ => sample.encode_gauge(&i64::try_from(value).unwrap_or(i64::MAX)),
        }
    }
}

impl<F: Fn() -> Vec<(Labels, u64)> + Send + Sync + 'static> Collector for ReadOnScrape<F> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(self.name, &format!("{}.", self.help), None, self.kind)?;
        for (mut labels, value) in (self.read)() {
            for (_, label) in &mut labels {
                *label = escaped(label);
            }
            // A sample without labels has no braces.
            match labels.is_empty() {
                true => self.encode_sample(&mut metric, value)?,
                false => self.encode_sample(&mut metric.encode_family(&labels)?, value)?,
            }
        }
        Ok(())
    }
}

/// Registers a gauge that `read` gives on each scrape, as a value for each set of labels. `help` has no full stop: one is added.
pub fn gauge(
    registry: &mut Registry,
    name: &'static str,
    help: &'static str,
    read: impl Fn() -> Vec<(Labels, u64)> + Send + Sync + 'static,
) {
    registry.register_collector(Box::new(ReadOnScrape { name, help, kind: MetricType::Gauge, read }));
}

/// Registers a counter likewise; `_total` is added to its name.
pub fn counter(
    registry: &mut Registry,
    name: &'static str,
    help: &'static str,
    read: impl Fn() -> Vec<(Labels, u64)> + Send + Sync + 'static,
) {
    registry.register_collector(Box::new(ReadOnScrape { name, help, kind: MetricType::Counter, read }));
}

/// Histograms of one name that their owners fill.
#[derive(Debug)]
struct Histograms {
    name: &'static str,
    help: &'static str,
    unit: Unit,
    all: Vec<(Labels, Histogram)>,
}

impl Collector for Histograms {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(self.name, &format!("{}.", self.help), Some(&self.unit), MetricType::Histogram)?;
        self.all.iter().try_for_each(|(labels, histogram)| histogram.encode(metric.encode_family(labels)?))
    }
}

/// Registers histograms of one name, each for a set of labels; the unit is added to the name.
pub fn histogram(registry: &mut Registry, name: &'static str, unit: Unit, help: &'static str, all: Vec<(Labels, Histogram)>) {
    registry.register_collector(Box::new(Histograms { name, help, unit, all }));
}

/// The value of a label as the text format has it.
pub fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// All metrics of a registry.
pub fn rendered(registry: &Registry) -> String {
    let mut output = String::new();
    // Writing to a string does not fail.
    let _ = text::encode(&mut output, registry);
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_on_a_scrape_has_its_labels_escaped() {
        let mut registry = Registry::with_prefix("deskhand");
        gauge(&mut registry, "model_up", "Whether a model is called", || vec![(vec![("model", "a \"b\"\\c".to_owned())], 1)]);
        counter(&mut registry, "key_look_ups", "Keys looked up", || vec![(Vec::new(), 3)]);
        assert_eq!(
            rendered(&registry),
            "# HELP deskhand_model_up Whether a model is called.\n# TYPE deskhand_model_up gauge\n\
             deskhand_model_up{model=\"a \\\"b\\\"\\\\c\"} 1\n\
             # HELP deskhand_key_look_ups Keys looked up.\n# TYPE deskhand_key_look_ups counter\ndeskhand_key_look_ups_total 3\n# EOF\n"
        );
    }
}
