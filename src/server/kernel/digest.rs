//! One number for the state of all projections: the same on every engine and for every order of arrival.

use crate::hex::Hex;
use crate::server::database::{DatabaseError, Tx, Value};

/// Projected tables with their columns. What is not here is the book itself or lives beside it.
pub(crate) const TABLES: &[(&str, &str)] = &[
    ("record", "kind, name, version, cursor, withdrawn, since_us, body, line"),
    ("terminal", "number, name, public_key, enrolled_us, revoked_us"),
    ("item", "code, name_zh, name_en, gtin, tracking, withdrawn"),
    ("unit", "unit, number, item, tracking, name_zh, name_en, home, amount, measure, withdrawn"),
    ("place", "code, parent, kind, name_zh, name_en, withdrawn"),
    ("person", "number, name_zh, name_en, department_zh, department_en, badge, withdrawn"),
    ("pass", "number, person_no, purpose_zh, purpose_en, from_us, until_us, due_us, approved_by, withdrawn"),
    ("pass_unit", "pass, unit"),
    ("task", "number, act, title_zh, title_en, document, withdrawn"),
    ("task_unit", "task, unit"),
    ("hold", "number, unit, reason_zh, reason_en, withdrawn"),
    ("certificate", "number, person_no, act, until_us, withdrawn"),
    ("binding", "code, since_us, until_us, unit"),
    ("claim", "code, line, unit, since_us, until_us, in_force_us, clashed, replaced"),
    ("relabelled", "line, code, unit, since_us, bound, replaced"),
    ("lease", "series, first_no, last_no, terminal_no, epoch, leased_by, withdrawn"),
    ("registration", "line, unit, corrected_us, terminal_no, epoch, series, counter"),
    ("touch", "unit, corrected_us, line, piece, code, act, person_no, station, read_point, document"),
    ("move", "line, piece, leg, unit, from_place, to_place, measure, amount"),
    ("balance", "unit, place, measure, amount"),
    ("unit_state", "unit, place, checked_out, seen_place, last_us, last_line, last_piece"),
    ("custody", "unit, since_line, since_us, person_no, document, until_line, until_us"),
    ("exception", "line, reason, code, unit, corrected_us"),
    ("settlement", "line, reason, code, note, person_no, settled_us, by_line"),
    ("correction", "line, by_line"),
];

/// The digest of all projections.
///
/// Engines give rows in different orders, so rows are hashed one by one and the hashes summed. That finds any difference
/// between two states; it is no proof against a forger, which the chains of the book are.
///
/// # Errors
/// What the database says.
pub fn digest(tx: &mut Tx) -> Result<Hex<32>, DatabaseError> {
    let mut sums = [0_u64; 4];
    for (table, columns) in TABLES {
        tx.each(&format!("SELECT {columns} FROM {table}"), &[], |row| {
            let mut hasher = blake3::Hasher::new();
            hasher.update(table.as_bytes());
            for value in row.values() {
                match value {
                    Value::Null => hasher.update(&[0]),
                    Value::Int(number) => hasher.update(&[1]).update(&number.to_le_bytes()),
                    Value::Text(text) => hasher.update(&[2]).update(&text.len().to_le_bytes()).update(text.as_bytes()),
                    Value::Blob(bytes) => hasher.update(&[3]).update(&bytes.len().to_le_bytes()).update(bytes),
                };
            }
            let hash = hasher.finalize();
            for (sum, part) in sums.iter_mut().zip(hash.as_bytes().as_chunks::<8>().0) {
                *sum = sum.wrapping_add(u64::from_le_bytes(*part));
            }
            Ok::<_, DatabaseError>(())
        })?;
    }
    let mut hasher = blake3::Hasher::new();
    for sum in sums {
        hasher.update(&sum.to_le_bytes());
    }
    Ok(Hex(*hasher.finalize().as_bytes()))
}
