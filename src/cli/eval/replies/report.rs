//! The table: by language, task and model.

use std::{collections::BTreeMap, time::Duration};

use crate::cli::{
    eval::replies::{answer::Answer, candidates::Prices, case::CaseTask},
    model_metrics::Failure,
};

/// Sums and medians of some answers.
#[derive(Default)]
pub struct Row {
    pub cases: usize,
    pub whole: usize,
    pub by_model: usize,
    pub passes: usize,
    pub requirements: usize,
    pub met: usize,
    pub forbidden: usize,
    pub warnings: usize,
    /// How many are in the language that they should be in, of those of which that can be told.
    pub language_right: usize,
    pub language_known: usize,
    /// The mean of the judgements.
    pub judged: Option<f64>,
    pub first: Option<Duration>,
    pub total: Option<Duration>,
    pub tokens_read: u64,
    pub tokens_written: u64,
}

impl Row {
    /// What is said in an answer, its language and its times count only where the model wrote it.
    pub fn of(answers: &[&Answer<'_>]) -> Row {
        let mut row = Row::default();
        let (mut first, mut total, mut judged) = (Vec::new(), Vec::new(), Vec::new());
        for answer in answers {
            let verdict = &answer.verdict;
            row.cases += 1;
            row.whole += usize::from(verdict.whole);
            row.passes += usize::from(verdict.passes());
            row.requirements += verdict.met.len();
            row.warnings += answer.warnings().len();
            let (read, written) = answer.tokens();
            row.tokens_read += read;
            row.tokens_written += written;
            judged.extend(answer.judged.map(f64::from));
            if verdict.by_model {
                row.by_model += 1;
                row.met += verdict.met.iter().filter(|met| **met).count();
                row.forbidden += verdict.said.iter().filter(|said| **said).count();
                row.language_known += usize::from(verdict.language_right.is_some());
                row.language_right += usize::from(verdict.language_right == Some(true));
                first.extend(answer.generated.first_delta);
                total.push(answer.generated.total);
            }
        }
        row.judged = if judged.is_empty() { None } else { Some(judged.iter().sum::<f64>() / judged.len() as f64) };
        (row.first, row.total) = (median(first), median(total));
        row
    }
}

fn median(mut times: Vec<Duration>) -> Option<Duration> {
    times.sort_unstable();
    let middle = times.len() / 2;
    match times.len() {
        0 => None,
        count if count % 2 == 1 => Some(times[middle]),
        _ => Some((times[middle - 1] + times[middle]) / 2),
    }
}

/// The table as text. Models stand beneath one another in each language and task, and at the end over all of them.
pub fn table(answers: &[Answer<'_>], models: &[String], prices: &Prices) -> String {
    let has_judge = answers.iter().any(|answer| answer.judged.is_some());
    let mut head =
        vec!["language", "task", "model", "cases", "whole", "by model", "pass", "met", "forbidden", "warnings", "language right"];
    head.extend(has_judge.then_some("judge"));
    head.extend(["first token", "all", "tokens read", "written"]);
    head.extend(prices.are_given().then_some("cost"));
    let mut groups: BTreeMap<(&str, CaseTask), Vec<&Answer<'_>>> = BTreeMap::new();
    for answer in answers {
        groups.entry((answer.case.language.as_str(), answer.case.task())).or_default().push(answer);
    }
    let groups = groups.into_iter().map(|((language, task), answers)| (language, task.word(), answers));
    let all = ("all", "all", answers.iter().collect());
    let mut lines: Vec<Vec<String>> = vec![head.iter().map(|title| (*title).to_owned()).collect()];
    for (language, task, answers) in groups.chain([all]) {
        for model in models {
            let of_model: Vec<&Answer<'_>> = answers.iter().copied().filter(|answer| answer.model == *model).collect();
            if !of_model.is_empty() {
                let mut line = vec![language.to_owned(), task.to_owned(), model.clone()];
                line.extend(figures(&Row::of(&of_model), model, prices, has_judge));
                lines.push(line);
            }
        }
    }
    aligned(&lines)
}

fn figures(row: &Row, model: &str, prices: &Prices, has_judge: bool) -> Vec<String> {
    let none = || "-".to_owned();
    let mut figures = vec![
        row.cases.to_string(),
        row.whole.to_string(),
        row.by_model.to_string(),
        format!("{:.0} %", row.passes as f64 * 100.0 / row.cases.max(1) as f64),
        format!("{}/{}", row.met, row.requirements),
        row.forbidden.to_string(),
        row.warnings.to_string(),
        format!("{}/{}", row.language_right, row.language_known),
    ];
    figures.extend(has_judge.then(|| row.judged.map_or_else(none, |mean| format!("{mean:.1}"))));
    figures.extend([row.first, row.total].map(|time| time.map_or_else(none, seconds)));
    figures.extend([row.tokens_read, row.tokens_written].map(|tokens| tokens.to_string()));
    let cost = prices.are_given().then(|| prices.cost(model, row.tokens_read, row.tokens_written));
    figures.extend(cost.map(|cost| cost.map_or_else(none, |cost| format!("{cost:.4}"))));
    figures
}

/// A time, as people read it.
pub fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// Columns as wide as their widest cell: names on the left, figures on the right.
fn aligned(lines: &[Vec<String>]) -> String {
    const NAMES: usize = 3;
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column {
            0..NAMES => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        text.push_str(cells.collect::<Vec<String>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Lines about calls that failed, and about answers of the built-in engine, each with its reasons. `reasons` are those of each model's own
/// calls, by task.
pub fn failures(answers: &[Answer<'_>], models: &[String], reasons: &BTreeMap<String, BTreeMap<Failure, u64>>) -> String {
    let mut text = String::new();
    for model in models {
        let of_model: Vec<&Answer<'_>> = answers.iter().filter(|answer| answer.model == *model).collect();
        let mut failed: BTreeMap<String, usize> = BTreeMap::new();
        for failure in of_model.iter().filter_map(|answer| answer.failure()) {
            *failed.entry(failure).or_default() += 1;
        }
        for (failure, count) in failed {
            text.push_str(&format!("{model}: {count} failed with {failure}\n"));
        }
        let built_in: Vec<&&Answer<'_>> =
            of_model.iter().filter(|answer| answer.finished().is_some() && !answer.verdict.by_model).collect();
        if !built_in.is_empty() {
            let why: Vec<String> = reasons
                .get(model)
                .into_iter()
                .flatten()
                .filter(|((task, _), _)| built_in.iter().any(|answer| answer.case.task().word() == task))
                .map(|((task, reason), count)| format!("{task} {} ({count})", reason.replace('_', " ")))
                .collect();
            text.push_str(&format!(
                "{model}: {} answered by the built-in engine, since the model failed: {}\n",
                built_in.len(),
                why.join(", ")
            ));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_between_the_two_in_the_middle() {
        let times = |seconds: &[u64]| seconds.iter().map(|seconds| Duration::from_secs(*seconds)).collect();
        assert_eq!(median(times(&[])), None);
        assert_eq!(median(times(&[9, 1, 2])), Some(Duration::from_secs(2)));
        assert_eq!(median(times(&[4, 1, 2, 9])), Some(Duration::from_secs(3)));
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let lines = [["a", "bb", "c", "1"], ["aaa", "b", "c", "1000"]].map(|line| line.map(str::to_owned).to_vec());
        assert_eq!(aligned(&lines), "a    bb  c     1\naaa  b   c  1000\n");
    }
}
