//! SQL text of statements whose length depends on the data. Values are always bound, never written into the text.

use crate::store::Dialect;

/// Statements that a connection keeps prepared: those of every length, and the others.
pub const PREPARED: usize = 256;

/// The placeholders of `rows` rows of `columns` columns: `($1,$2),($3,$4)`, counted from `first`.
pub fn placeholders(first: usize, rows: usize, columns: usize) -> String {
    let mut text = String::with_capacity(rows * (columns * 6 + 2));
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..columns {
            text.push_str(if column == 0 { "$" } else { ",$" });
            text.push_str(&(first + row * columns + column).to_string());
        }
        text.push(')');
    }
    text
}

/// The beginning of a statement that inserts rows: `INSERT INTO … VALUES ($1,$2),($3,$4)`; `into` is the table with its columns. On SQLite
/// the placeholders are `?`, which it counts instead of looking them up by name.
pub fn insert(dialect: Dialect, into: &str, rows: usize, columns: usize) -> String {
    let values = match dialect {
        Dialect::Sqlite => vec![format!("({})", vec!["?"; columns].join(",")); rows].join(","),
        Dialect::Postgres => placeholders(1, rows, columns),
    };
    format!("INSERT INTO {into} VALUES {values}")
}

/// Splits rows of `columns` values into batches of one [`insert`] each.
pub fn insert_pieces<T>(rows: &[T], columns: usize) -> impl Iterator<Item = &[T]> {
    pieces_of(rows, columns, MAX_INSERTED_VALUES)
}

/// Splits rows of `columns` values into batches of one statement each. Lengths are powers of two, so that few different statements are
/// prepared, each once.
pub fn pieces<T>(rows: &[T], columns: usize) -> impl Iterator<Item = &[T]> {
    pieces_of(rows, columns, MAX_VALUES)
}

fn pieces_of<T>(mut rows: &[T], columns: usize, max_values: usize) -> impl Iterator<Item = &[T]> {
    let max = (max_values / columns + 1).next_power_of_two() / 2;
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
/// The same of an [`insert`], which has no names: so few statements write many chats that their way to the database and back does not count.
const MAX_INSERTED_VALUES: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_consecutively() {
        assert_eq!(placeholders(1, 2, 2), "($1,$2),($3,$4)");
        assert_eq!(placeholders(3, 1, 1), "($3)");
        assert_eq!(insert(Dialect::Postgres, "event (chat, at)", 2, 2), "INSERT INTO event (chat, at) VALUES ($1,$2),($3,$4)");
        assert_eq!(insert(Dialect::Sqlite, "event (chat, at)", 2, 2), "INSERT INTO event (chat, at) VALUES (?,?),(?,?)");
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
