//! One run of a case.

use crate::percentiles::median;
use crate::process::Usage;
use crate::report::Cost;
use crate::sink::SinkStats;

/// Rate and resources of one run of a case.
pub(super) struct Run {
    /// Messages per second.
    pub(super) rate: f64,
    /// Usage of the server or library; CPU time per 1,000 messages.
    ours: Usage,
    /// Share of one core that the stand-in used.
    provider: f64,
    /// Calls to the provider per 1,000 messages.
    calls: f64,
}

impl Run {
    /// A run over this many messages. `provider` is the CPU time of the stand-in, in seconds.
    pub(super) fn new(
        messages: u64,
        seconds: f64,
        ours: Usage,
        provider: f64,
        sink: &SinkStats,
    ) -> Self {
        let thousands = messages as f64 / 1000.0;
        Self {
            rate: messages as f64 / seconds,
            ours: Usage { cpu_seconds: ours.cpu_seconds / thousands, ..ours },
            provider: provider / seconds,
            calls: sink.calls as f64 / thousands,
        }
    }

    /// Medians of several runs.
    pub(super) fn cost(name: &str, runs: &[Self]) -> Cost {
        let middle = |of: fn(&Self) -> f64| median(runs.iter().map(of).collect());
        Cost {
            name: name.to_owned(),
            rate: middle(|run| run.rate),
            cpu_per_1000: middle(|run| run.ours.cpu_seconds),
            peak_mib: middle(|run| run.ours.peak_mib),
            calls_per_1000: middle(|run| run.calls),
            provider_cpu: middle(|run| run.provider),
        }
    }
}
