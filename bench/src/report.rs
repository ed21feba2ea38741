//! Report of a run, printed and written: one line per figure, with its floor and its bounds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::floor::Floor;

/// Direction of a bound.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sense {
    /// The ratio to the floor, or the figure itself, is at least the bound.
    AtLeast,
    /// The figure is at most the bound.
    AtMost,
}

/// One figure of a row of the table.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) figure: f64,
    pub(crate) unit: &'static str,
    pub(crate) floor: Option<f64>,
    /// The steps of the floor that follow each other for one message; empty if the floor is another
    /// figure.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) steps: &'static [&'static str],
    /// True once the floor is the mean of before and after.
    #[serde(skip)]
    is_compared: bool,
    pub(crate) ratio: Option<f64>,
    pub(crate) sense: Sense,
    pub(crate) must: f64,
    pub(crate) goal: f64,
}

impl Part {
    /// A rate, bounded by its ratio to another rate.
    pub(crate) fn of_rate(name: &str, rate: f64, floor: f64, (must, goal): (f64, f64)) -> Self {
        Self {
            name: name.to_owned(),
            figure: rate,
            unit: "/s",
            floor: Some(floor),
            steps: &[],
            is_compared: false,
            ratio: Some(rate / floor),
            sense: Sense::AtLeast,
            must,
            goal,
        }
    }

    /// A rate, bounded by its ratio to a chain of steps of the floor.
    pub(crate) fn of_steps(
        name: &str,
        rate: f64,
        floor: &Floor,
        steps: &'static [&'static str],
        bounds: (f64, f64),
    ) -> Self {
        Self { steps, ..Self::of_rate(name, rate, floor.chain(steps), bounds) }
    }

    /// A figure with an upper bound.
    pub(crate) fn at_most(
        name: &str,
        figure: f64,
        unit: &'static str,
        (must, goal): (f64, f64),
    ) -> Self {
        let (name, sense) = (name.to_owned(), Sense::AtMost);
        Self {
            name,
            figure,
            unit,
            floor: None,
            steps: &[],
            is_compared: false,
            ratio: None,
            sense,
            must,
            goal,
        }
    }

    /// Distance from the bound: 1 at the bound, more when better.
    fn margin(&self) -> f64 {
        match self.sense {
            Sense::AtLeast => self.ratio.unwrap_or(self.figure) / self.must,
            Sense::AtMost => self.must / self.figure,
        }
    }

    fn reaches(&self, bound: f64) -> bool {
        match self.sense {
            Sense::AtLeast => self.ratio.unwrap_or(self.figure) >= bound,
            Sense::AtMost => self.figure <= bound,
        }
    }

    fn verdict(&self) -> &'static str {
        if self.reaches(self.goal) {
            "goal"
        } else if self.reaches(self.must) {
            "met"
        } else {
            "MISSED"
        }
    }
}

/// Rate and resources of a case.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cost {
    pub(crate) name: String,
    /// Messages per second.
    pub(crate) rate: f64,
    /// CPU time of the server or library, in seconds per 1,000 messages.
    pub(crate) cpu_per_1000: f64,
    /// Peak resident memory of the server or library.
    pub(crate) peak_mib: f64,
    /// Requests to the provider per 1,000 messages.
    pub(crate) calls_per_1000: f64,
    /// Share of one core that the stand-in for the provider used.
    pub(crate) provider_cpu: f64,
}

/// All figures of a run.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    rows: BTreeMap<u8, Row>,
    costs: Vec<Cost>,
    notes: BTreeMap<String, f64>,
}

/// A row of the table: its worst figure, and all of them.
#[derive(Debug, Serialize)]
struct Row {
    #[serde(flatten)]
    worst: Part,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<Part>,
}

impl Report {
    /// Adds a figure to a row.
    pub(crate) fn add(&mut self, row: u8, part: Part) {
        println!("{}", line(&row.to_string(), &part));
        let row =
            self.rows.entry(row).or_insert_with(|| Row { worst: part.clone(), parts: Vec::new() });
        row.parts.push(part);
    }

    /// Adds the rate and resources of a case.
    pub(crate) fn add_cost(&mut self, cost: Cost) {
        println!(
            "      {:<52} {:>9.0} msg/s {:>7.3} CPU s/1,000 {:>6.1} MiB {:>7.1} calls/1,000, \
             provider {:.0} % of a core",
            cost.name,
            cost.rate,
            cost.cpu_per_1000,
            cost.peak_mib,
            cost.calls_per_1000,
            cost.provider_cpu * 100.0
        );
        self.costs.push(cost);
    }

    /// Adds a figure that is in no row.
    pub(crate) fn note(&mut self, name: &str, figure: f64) {
        println!("      {name:<52} {figure:>12.2}");
        self.notes.insert(name.to_owned(), figure);
    }

    /// Compares the figures added since the last call with this floor, the mean of before and after
    /// them.
    pub(crate) fn compare(&mut self, floor: &Floor) {
        for row in self.rows.values_mut() {
            let new =
                row.parts.iter_mut().filter(|part| !part.steps.is_empty() && !part.is_compared);
            for part in new {
                *part = Part::of_steps(
                    &part.name,
                    part.figure,
                    floor,
                    part.steps,
                    (part.must, part.goal),
                );
                part.is_compared = true;
            }
            if let Some(worst) = row.parts.iter().min_by(|a, b| a.margin().total_cmp(&b.margin())) {
                row.worst = worst.clone();
            }
        }
    }

    /// Prints the whole report.
    pub(crate) fn print(&self, before: &Floor, after: &Floor) {
        println!("\nfloor of this machine, per second: before, after");
        for ((name, what, before), (_, _, after)) in before.lines().zip(after.lines()) {
            println!("{name:>7}  {what:<52} {before:>10.0} {after:>10.0}");
        }
        println!("\n  row  figure");
        for (number, row) in &self.rows {
            for part in &row.parts {
                println!("{}", line(&number.to_string(), part));
            }
        }
    }

    /// Writes the whole report as JSON.
    pub(crate) fn write(
        mut self,
        path: &Path,
        before: &Floor,
        after: &Floor,
    ) -> anyhow::Result<()> {
        for row in self.rows.values_mut().filter(|row| row.parts.len() < 2) {
            row.parts.clear();
        }
        let summary = serde_json::json!({
            "rows": self.rows,
            "floor": { "before": before, "after": after },
            "costs": self.costs,
            "notes": self.notes,
        });
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, serde_json::to_vec_pretty(&summary)?)?;
        Ok(())
    }
}

fn line(number: &str, part: &Part) -> String {
    let figure = format!("{} {}", digits(part.figure), part.unit);
    let (floor, ratio) = match (part.floor, part.ratio) {
        (Some(floor), Some(ratio)) => (format!("floor {}", digits(floor)), format!("{ratio:.2} x")),
        _ => (String::new(), String::new()),
    };
    let bound = match part.sense {
        Sense::AtLeast => "≥",
        Sense::AtMost => "≤",
    };
    format!(
        "{number:>5}  {:<52} {figure:>14} {floor:>14} {ratio:>8}   \
         must {bound} {}, goal {bound} {}: {}",
        part.name,
        part.must,
        part.goal,
        part.verdict()
    )
}

fn digits(figure: f64) -> String {
    if figure >= 100.0 { format!("{figure:.0}") } else { format!("{figure:.2}") }
}
