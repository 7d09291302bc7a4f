//! Metrics of the process, named as Prometheus' client libraries name them; on Linux only. And the version.

use std::fmt;

use procfs::{ProcResult, process};
use tokio::runtime::Handle;

use crate::telemetry::metrics::gauge;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, NoLabelSet},
    metrics::{MetricType, info::Info},
    registry::{Registry, Unit},
};

/// Reads `/proc/self` on each scrape.
#[derive(Debug)]
struct Process;

/// What a process uses.
struct Usage {
    resident_bytes: u64,
    open_files: u64,
    threads: u64,
    cpu_seconds: f64,
}

fn usage() -> ProcResult<Usage> {
    let process = process::Process::myself()?;
    let stat = process.stat()?;
    let ticks = stat.utime + stat.stime;
    Ok(Usage {
        resident_bytes: stat.rss * procfs::page_size(),
        open_files: process.fd_count()? as u64,
        threads: u64::try_from(stat.num_threads).unwrap_or_default(),
        cpu_seconds: ticks as f64 / procfs::ticks_per_second() as f64,
    })
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Ok(Usage { resident_bytes, open_files, threads, cpu_seconds }) = usage() else { return Ok(()) };
        let gauges = [
            ("process_resident_memory", "Memory in RAM.", Some(Unit::Bytes), resident_bytes),
            ("process_open_fds", "Open file descriptors.", None, open_files),
            ("process_threads", "Threads.", None, threads),
        ];
        for (name, help, unit, value) in gauges {
            let mut metric = encoder.encode_descriptor(name, help, unit.as_ref(), MetricType::Gauge)?;
            metric.encode_gauge(&i64::try_from(value).unwrap_or(i64::MAX))?;
        }
        let mut metric = encoder.encode_descriptor("process_cpu", "Processor time.", Some(&Unit::Seconds), MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, _, u64>(&cpu_seconds, None)
    }
}

/// Lets a registry report the process and the version.
pub fn register_metrics(registry: &mut Registry) {
    registry.register_collector(Box::new(Process));
    if let Ok(runtime) = Handle::try_current() {
        let help = "Tasks of the runtime that have not ended";
        gauge(registry.sub_registry_with_prefix("deskhand"), "tasks", help, move || {
            vec![(Vec::new(), runtime.metrics().num_alive_tasks() as u64)]
        });
    }
    let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.sub_registry_with_prefix("deskhand").register("build", "The version that runs", version);
}
