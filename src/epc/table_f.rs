//! Which application identifiers there are in a "+" scheme and how each is written: table F of the standard.
//!
//! Source: GS1 EPC Tag Data Standard 2.2, tables F and K; the same rows as `TDT_TableF.json` of GS1's repository TDT.

use super::coding::Coding;

/// First and last AI of a row, how its value is written, and how the rest of it.
type Row = (&'static str, &'static str, Coding, Option<Coding>);

const fn int(digits: usize, bits: usize) -> Coding {
    Coding::Integer { digits, bits }
}

const fn nibbles(digits: usize) -> Coding {
    Coding::Nibbles { digits }
}

const fn delimited(length_bits: usize, most: usize) -> Coding {
    Coding::Delimited { length_bits, most }
}

const fn text(length_bits: usize, most: usize) -> Coding {
    Coding::Alphanumeric { length_bits, most }
}

const fn number(length_bits: usize, most: usize) -> Coding {
    Coding::Number { length_bits, most }
}

/// The last digit of a measure (31 to 36) counts decimal places, 0 to 5.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("00", "00", nibbles(18), None),
    ("01", "02", nibbles(14), None),
    ("10", "10", text(5, 20), None),
    ("11", "13", Coding::Date, None),
    ("15", "17", Coding::Date, None),
    ("20", "20", int(2, 7), None),
    ("21", "22", text(5, 20), None),
    ("235", "235", text(5, 28), None),
    ("240", "241", text(5, 30), None),
    ("242", "242", number(3, 6), None),
    ("243", "243", text(5, 20), None),
    ("250", "251", text(5, 30), None),
    ("253", "253", nibbles(13), Some(text(5, 17))),
    ("254", "254", text(5, 20), None),
    ("255", "255", nibbles(13), Some(number(4, 12))),
    ("30", "30", number(4, 8), None),
    ("3100", "3165", int(6, 20), None),
    ("3200", "3375", int(6, 20), None),
    ("3400", "3575", int(6, 20), None),
    ("3600", "3695", int(6, 20), None),
    ("37", "37", number(4, 8), None),
    ("3900", "3909", number(4, 15), None),
    ("3910", "3919", int(3, 10), Some(number(4, 15))),
    ("3920", "3929", number(4, 15), None),
    ("3930", "3939", int(3, 10), Some(number(4, 15))),
    ("3940", "3943", int(4, 14), None),
    ("3950", "3953", int(6, 20), None),
    ("400", "401", text(5, 30), None),
    ("402", "402", int(17, 57), None),
    ("403", "403", text(5, 30), None),
    ("410", "417", nibbles(13), None),
    ("420", "420", text(5, 20), None),
    ("421", "421", int(3, 10), Some(text(4, 9))),
    ("422", "422", int(3, 10), None),
    ("423", "423", number(4, 15), None),
    ("424", "424", int(3, 10), None),
    ("425", "425", number(4, 15), None),
    ("426", "426", int(3, 10), None),
    ("427", "427", text(2, 3), None),
    ("4300", "4301", text(6, 35), None),
    ("4302", "4306", text(7, 70), None),
    ("4307", "4307", Coding::Country, None),
    ("4308", "4308", text(5, 30), None),
    ("4309", "4309", int(20, 67), None),
    ("4310", "4311", text(6, 35), None),
    ("4312", "4316", text(7, 70), None),
    ("4317", "4317", Coding::Country, None),
    ("4318", "4318", text(5, 20), None),
    ("4319", "4319", text(5, 30), None),
    ("4320", "4320", text(6, 35), None),
    ("4321", "4323", Coding::Bit, None),
    ("4324", "4325", Coding::DateTime, None),
    ("4326", "4326", Coding::Date, None),
    ("4330", "4333", int(6, 20), Some(Coding::Minus)),
    ("7001", "7001", int(13, 44), None),
    ("7002", "7002", text(5, 30), None),
    ("7003", "7003", Coding::DateTime, None),
    ("7004", "7004", number(3, 4), None),
    ("7005", "7005", text(4, 12), None),
    ("7006", "7006", Coding::Date, None),
    ("7007", "7007", Coding::DateOrRange, None),
    ("7008", "7008", text(2, 3), None),
    ("7009", "7009", text(4, 10), None),
    ("7010", "7010", text(2, 2), None),
    ("7011", "7011", Coding::PreciseTime, None),
    ("7020", "7022", text(5, 20), None),
    ("7023", "7023", delimited(5, 30), None),
    ("7030", "7039", int(3, 10), Some(text(5, 27))),
    ("7040", "7041", text(3, 4), None),
    ("710", "716", text(5, 20), None),
    ("7230", "7239", text(5, 30), None),
    ("7240", "7240", text(5, 20), None),
    ("7241", "7241", nibbles(2), None),
    ("7242", "7242", text(5, 25), None),
    ("7250", "7250", int(8, 27), None),
    ("7251", "7251", int(12, 40), None),
    ("7252", "7252", int(1, 4), None),
    ("7253", "7254", text(6, 40), None),
    ("7255", "7255", text(4, 10), None),
    ("7256", "7256", text(7, 90), None),
    ("7257", "7257", text(7, 70), None),
    ("7258", "7258", Coding::Sequence, None),
    ("7259", "7259", text(6, 40), None),
    ("8001", "8001", int(14, 47), None),
    ("8002", "8002", text(5, 20), None),
    ("8003", "8003", nibbles(14), Some(text(5, 16))),
    ("8004", "8004", delimited(5, 30), None),
    ("8005", "8005", int(6, 20), None),
    ("8006", "8006", nibbles(18), None),
    ("8007", "8007", text(5, 24), None),
    ("8008", "8008", Coding::PreciseTime, None),
    ("8009", "8009", text(6, 50), None),
    ("8010", "8010", delimited(5, 30), None),
    ("8011", "8011", number(4, 12), None),
    ("8012", "8012", text(5, 20), None),
    ("8013", "8013", text(5, 25), None),
    ("8017", "8018", nibbles(18), None),
    ("8019", "8019", number(4, 10), None),
    ("8020", "8020", text(5, 25), None),
    ("8026", "8026", nibbles(18), None),
    ("8030", "8030", text(7, 90), None),
    ("8110", "8110", text(7, 70), None),
    ("8111", "8111", int(4, 14), None),
    ("8112", "8112", text(7, 70), None),
    ("8200", "8200", text(7, 70), None),
    ("90", "90", text(5, 30), None),
    ("91", "99", text(7, 90), None),
];

/// How the value of an AI is written; `None` when there is no such AI.
pub(super) fn codings(ai: &str) -> Option<(Coding, Option<Coding>)> {
    let within = |row: &&Row| row.0.len() == ai.len() && row.0 <= ai && ai <= row.1;
    let &(first, _, coding, rest) = TABLE.iter().find(within)?;
    let measure = ai.len() == 4 && (b'1'..=b'6').contains(first.as_bytes().get(1)?) && first.starts_with('3');
    let digits = ai.bytes().all(|byte| byte.is_ascii_digit());
    (digits && (!measure || ai.ends_with(['0', '1', '2', '3', '4', '5']))).then_some((coding, rest))
}

/// Table K: how many digits an AI has that begins with these two.
pub(super) fn ai_len(first_two: &str) -> Option<usize> {
    let begins = |row: &&Row| row.0.get(..2) <= Some(first_two) && Some(first_two) <= row.1.get(..2);
    TABLE.iter().find(begins).map(|row| row.0.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the columns of table F write it: section, characters, bits, bits of the length, most characters.
    fn columns(coding: Option<Coding>) -> String {
        let (section, numbers): (&str, [usize; 4]) = match coding {
            None => ("-", [0; 4]),
            Some(Coding::Integer { digits, bits }) => ("14.5.2", [digits, bits, 0, 0]),
            Some(Coding::Nibbles { digits }) => ("14.5.4", [digits, digits * 4, 0, 0]),
            Some(Coding::Delimited { length_bits, most }) => ("14.5.5", [0, 0, length_bits, most]),
            Some(Coding::Alphanumeric { length_bits, most }) => ("14.5.6", [0, 0, length_bits, most]),
            Some(Coding::Bit) => ("14.5.7", [1, 1, 0, 0]),
            Some(Coding::Date) => ("14.5.8", [6, 16, 0, 0]),
            Some(Coding::DateTime) => ("14.5.9", [10, 27, 0, 0]),
            Some(Coding::DateOrRange) => ("14.5.10", [0; 4]),
            Some(Coding::PreciseTime) => ("14.5.11", [0; 4]),
            Some(Coding::Country) => ("14.5.12", [2, 12, 0, 0]),
            Some(Coding::Number { length_bits, most }) => ("14.5.13", [0, 0, length_bits, most]),
            Some(Coding::Minus) => ("14.5.14", [0, 1, 0, 1]),
            Some(Coding::Sequence) => ("14.5.15", [3, 8, 0, 0]),
        };
        let numbers = numbers.map(|number| if number == 0 { "-".to_owned() } else { number.to_string() });
        format!("{section}\t{}", numbers.join("\t"))
    }

    #[test]
    fn the_table_is_that_of_the_standard() {
        let rows = include_str!("../../tests/data/epc/table_f.tsv").lines().filter(|line| !line.starts_with('#'));
        let mut known = 0;
        for row in rows {
            let (ai, rest) = row.split_once('\t').unwrap();
            let (ai_digits, wanted) = rest.split_once('\t').unwrap();
            let (first, second) = codings(ai).unwrap_or_else(|| panic!("({ai}) is missing"));
            assert_eq!(format!("{}\t{}", columns(Some(first)), columns(second)), wanted, "({ai})");
            assert_eq!(ai_len(&ai[..2]), ai_digits.parse().ok(), "({ai})");
            known += 1;
        }
        let ours = (0..10_000).flat_map(|n| [format!("{n:02}"), format!("{n:03}"), format!("{n:04}")]);
        let ours: std::collections::BTreeSet<String> = ours.filter(|ai| codings(ai).is_some()).collect();
        assert_eq!(ours.len(), known, "no AI beside those of the standard");
    }
}
