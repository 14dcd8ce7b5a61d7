//! SQLite's words into PostgreSQL's. The store's SQL is small on purpose, so that this can stay a change of words.

use crate::server::database::DatabaseError;

/// What stands between quotes or in a comment is left alone: pieces of the text, each with whether it is plain SQL.
fn pieces(sql: &str) -> Vec<(bool, &str)> {
    let mut pieces = Vec::new();
    let mut rest = sql;
    loop {
        let starts = [("'", "'"), ("\"", "\""), ("--", "\n")];
        let found = starts.iter().filter_map(|(open, close)| Some((rest.find(open)?, *open, *close))).min();
        let Some((start, open, close)) = found else {
            pieces.push((true, rest));
            return pieces;
        };
        let (plain, quoted) = rest.split_at(start);
        let inner = quoted.get(open.len()..).unwrap_or_default();
        let end = inner.find(close).map_or(quoted.len(), |at| open.len() + at + close.len());
        let (quoted, after) = quoted.split_at(end);
        pieces.extend([(true, plain), (false, quoted)]);
        rest = after;
    }
}

/// Rewrites words and parameters (`?N` becomes what `parameter` makes of N).
fn words(sql: &str, text_type: &str, parameter: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(sql.len() + 32);
    for (plain, piece) in pieces(sql) {
        if !plain {
            out.push_str(piece);
            continue;
        }
        let mut rest = piece;
        while let Some(first) = rest.chars().next() {
            let word = |from: usize| {
                let tail = rest.get(from..).unwrap_or_default();
                from + tail.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(tail.len())
            };
            let len = match first {
                '?' => word(1),
                c if c.is_ascii_alphabetic() || c == '_' => word(0),
                c => c.len_utf8(),
            };
            let (token, after) = rest.split_at(len);
            match token {
                "INTEGER" => out.push_str("BIGINT"),
                "BLOB" => out.push_str("BYTEA"),
                "TEXT" => out.push_str(text_type),
                "STRICT" => (),
                token => match token.strip_prefix('?') {
                    Some(number) => out.push_str(&parameter(number)),
                    None => out.push_str(token),
                },
            }
            rest = after;
        }
    }
    out
}

/// One statement.
pub(super) fn statement(sql: &str) -> String {
    words(sql, "TEXT", |number| format!("${number}"))
}

/// A step of the schema. Texts are compared byte by byte, as SQLite does, so that both engines order alike.
pub(super) fn schema(sql: &str) -> String {
    let sql = sql.replace("STRICT, WITHOUT ROWID", "STRICT");
    words(&sql, "TEXT COLLATE \"C\"", |number| format!("${number}"))
}

/// A query for one key into a query for many.
pub(super) fn many_keys(sql: &str) -> Result<String, DatabaseError> {
    if !sql.contains("= ?1") {
        return Err(DatabaseError::Statement(sql.into()));
    }
    Ok(statement(&sql.replace("= ?1", "= ANY(?1)")))
}

/// A statement for one row into one for arrays of rows. `types` are the parameters' types, as PostgreSQL names them.
pub(super) fn many_rows(sql: &str, types: &[&str]) -> Result<String, DatabaseError> {
    let arrays: Vec<String> = (1..).zip(types).map(|(n, kind)| format!("${n}::{kind}[]")).collect();
    let names: Vec<String> = (1..=types.len()).map(|n| format!("p{n}")).collect();
    let rows = format!("unnest({}) AS many({})", arrays.join(", "), names.join(", "));
    let body = words(sql, "TEXT", |number| format!("many.p{number}"));
    let wrong = || DatabaseError::Statement(sql.into());
    if body.starts_with("INSERT") {
        let (head, rest) = body.split_once("VALUES (").ok_or_else(wrong)?;
        let close = rest.find(')').ok_or_else(wrong)?;
        let (columns, tail) = rest.split_at(close);
        return Ok(format!("{head}SELECT {columns} FROM {rows}{}", tail.get(1..).unwrap_or_default()));
    }
    let joined = match body.split_whitespace().next() {
        Some("UPDATE") => " FROM ",
        Some("DELETE") => " USING ",
        _ => return Err(wrong()),
    };
    let (head, condition) = body.split_once(" WHERE ").ok_or_else(wrong)?;
    Ok(format!("{head}{joined}{rows} WHERE {condition}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_change_and_texts_stay() {
        assert_eq!(
            statement("SELECT CAST(sum(a) AS INTEGER) FROM t WHERE b = ?12 AND c = 'INTEGER ?1' AND \"BLOB\" = ?2"),
            "SELECT CAST(sum(a) AS BIGINT) FROM t WHERE b = $12 AND c = 'INTEGER ?1' AND \"BLOB\" = $2"
        );
        assert_eq!(
            schema("-- the TEXT's place?1\nCREATE TABLE t (a INTEGER, b TEXT, c BLOB) STRICT, WITHOUT ROWID;"),
            "-- the TEXT's place?1\nCREATE TABLE t (a BIGINT, b TEXT COLLATE \"C\", c BYTEA) ;"
        );
    }

    #[test]
    fn one_row_becomes_many() {
        let types = ["bigint", "text"];
        for (one, many) in [
            (
                "INSERT INTO t (a, b) VALUES (?1, ?2) ON CONFLICT (a) DO UPDATE SET b = excluded.b",
                "INSERT INTO t (a, b) SELECT many.p1, many.p2 FROM unnest($1::bigint[], $2::text[]) AS many(p1, p2) \
                 ON CONFLICT (a) DO UPDATE SET b = excluded.b",
            ),
            (
                "UPDATE t SET b = ?2 WHERE a = ?1",
                "UPDATE t SET b = many.p2 FROM unnest($1::bigint[], $2::text[]) AS many(p1, p2) WHERE a = many.p1",
            ),
            (
                "DELETE FROM t WHERE a = ?1 AND b = ?2",
                "DELETE FROM t USING unnest($1::bigint[], $2::text[]) AS many(p1, p2) \
                 WHERE a = many.p1 AND b = many.p2",
            ),
        ] {
            assert_eq!(many_rows(one, &types).unwrap(), many);
        }
        assert!(many_rows("SELECT 1", &types).is_err());
        assert_eq!(many_keys("SELECT a FROM t WHERE a = ?1").unwrap(), "SELECT a FROM t WHERE a = ANY($1)");
    }
}
