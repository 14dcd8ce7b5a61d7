//! Drops every projection and folds it again from the book.

use crate::hex::Hex;
use crate::server::database::{DatabaseError, Tx};
use crate::server::kernel::Entry;
use crate::server::kernel::digest::{TABLES, digest};
use crate::server::lines;
use crate::server::projection;

/// Lines folded together; their bodies are in memory.
const LINES: usize = 2_000;

/// Rebuilds all projections; the digest of what came out. The book itself is only read.
///
/// # Errors
/// What the database says; the projections stay as they were then.
pub fn rebuild(tx: &mut Tx) -> Result<Hex<32>, DatabaseError> {
    for (table, _) in TABLES {
        tx.execute(&format!("DELETE FROM {table}"), &[])?;
    }
    let sql = format!("SELECT {} FROM line WHERE position > ?1 ORDER BY position LIMIT ?2", lines::COLUMNS);
    let mut position = 0;
    loop {
        let rows = tx.query(&sql, &[position.into(), LINES.into()])?;
        let mut entries = Vec::with_capacity(rows.len());
        for row in &rows {
            let stored = lines::read(row)?;
            position = stored.position;
            entries.push(Entry::read(stored));
        }
        if entries.is_empty() {
            return digest(tx);
        }
        projection::project(tx, &entries)?;
    }
}
