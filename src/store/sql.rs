//! Text of statements whose length depends on the data. Values are always bound, never written into it.

/// The placeholders of `rows` rows of `columns` columns: `($1,$2),($3,$4)`, counted from `first`.
pub fn placeholders(first: usize, rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let cells: Vec<String> = (0..columns).map(|column| format!("${}", first + row * columns + column)).collect();
        format!("({})", cells.join(","))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(",")
}

/// Most bound values in one statement: far under what both databases take (32,766 and 65,535).
pub const MOST_VALUES: usize = 9_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_counted_through() {
        assert_eq!(placeholders(1, 2, 2), "($1,$2),($3,$4)");
        assert_eq!(placeholders(3, 1, 1), "($3)");
    }
}
