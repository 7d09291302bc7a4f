//! SQL text of statements whose length depends on the data. Values are always bound, never written into the text.

/// The placeholders of `rows` rows of `columns` columns: `($1,$2),($3,$4)`, counted from `first`.
pub fn placeholders(first: usize, rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let cells: Vec<String> = (0..columns).map(|column| format!("${}", first + row * columns + column)).collect();
        format!("({})", cells.join(","))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(",")
}

/// Splits rows of `columns` values into batches of one statement each. Lengths are powers of two, so that few different statements are
/// prepared, each once.
pub fn pieces<T>(mut rows: &[T], columns: usize) -> impl Iterator<Item = &[T]> {
    let max = (MAX_VALUES / columns + 1).next_power_of_two() / 2;
    std::iter::from_fn(move || {
        if rows.is_empty() {
            return None;
        }
        let length = max.min((rows.len() + 1).next_power_of_two() / 2);
        let (piece, rest) = rows.split_at(length);
        rows = rest;
        Some(piece)
    })
}

/// Largest number of bound values in one statement. Both databases accept far more, but SQLite looks up `$1` by name, through all the names
/// before it: twice the values cost four times the time.
const MAX_VALUES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_consecutively() {
        assert_eq!(placeholders(1, 2, 2), "($1,$2),($3,$4)");
        assert_eq!(placeholders(3, 1, 1), "($3)");
    }

    #[test]
    fn pieces_hold_every_row_in_powers_of_two() {
        for rows in 0..600 {
            let rows: Vec<usize> = (0..rows).collect();
            let lengths: Vec<usize> = pieces(&rows, 9).map(<[usize]>::len).collect();
            assert!(lengths.iter().all(|length| length.is_power_of_two() && length * 9 <= MAX_VALUES), "{lengths:?}");
            assert_eq!(pieces(&rows, 9).flatten().copied().collect::<Vec<_>>(), rows);
        }
    }
}
