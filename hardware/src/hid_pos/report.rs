//! Reports of a USB scanner, and where things stand in them.

/// Where things stand in the reports of a scanner. Honeywell's layout is the one that most makers follow; what another
/// has is in its report descriptor (usage page 8C: FE decoded data, FB to FD AIM identifier, FF continued).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Bytes of a report with its number.
    pub bytes: usize,
    /// The number that stands first, where reports have one.
    pub id: Option<u8>,
    pub length_at: usize,
    pub aim_at: Option<usize>,
    pub data_at: usize,
    pub data_bytes: usize,
    /// Where 1 says that the next report goes on with the same symbol.
    pub more_at: Option<usize>,
    /// Where the maker's own letter for the kind of symbol stands.
    pub code_at: Option<usize>,
}

/// `02 | length | AIM identifier, 3 bytes | data, 56 bytes | code letter | reserved | more`.
pub const HONEYWELL: Layout = Layout {
    bytes: 64,
    id: Some(2),
    length_at: 1,
    aim_at: Some(2),
    data_at: 5,
    data_bytes: 56,
    more_at: Some(63),
    code_at: Some(61),
};

/// Largest report that is taken: USB full speed carries 64 bytes at once, and high speed 1024.
pub const REPORT_MAX: usize = 1024;

/// Longest chunk of the layout without fields.
pub const CHUNK_MAX: usize = 63;

/// One report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report<'a> {
    pub id: Option<u8>,
    /// As it stands there; three NULs where the scanner sends none.
    pub aim: Option<[u8; 3]>,
    pub data: &'a [u8],
    pub more: bool,
    pub code_id: Option<u8>,
}

/// Why bytes are no report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportError {
    Incomplete { missing: usize },
    Id { found: u8, wanted: u8 },
    Length { length: u8, most: usize },
    Aim { found: [u8; 3] },
    More { found: u8 },
}

impl std::fmt::Display for ReportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Incomplete { missing } => write!(f, "incomplete: {missing} bytes are missing at the end"),
            Self::Id { found, wanted } => {
                write!(f, "the report number in byte 0 is {found:02X} and not {wanted:02X}")
            }
            Self::Length { length, most } => write!(f, "the length is {length}; a report holds at most {most}"),
            Self::Aim { found } => write!(f, "\"{}\" is no AIM identifier", found.escape_ascii()),
            Self::More { found } => write!(f, "the byte that says whether more follows is {found:02X}, not 00 or 01"),
        }
    }
}

impl Layout {
    /// Whether all of it lies within the report and nothing overlaps the data; the error says what does not.
    pub fn check(&self) -> Result<(), String> {
        let data = self.data_at..self.data_at.saturating_add(self.data_bytes);
        if self.bytes < data.end {
            return Err(format!(
                "the data ends at byte {}, behind the {} bytes of a report: correct data_at, data_bytes or report_bytes",
                data.end, self.bytes
            ));
        }
        let id = self.id.map(|_| 0..1);
        let length = Some(self.length_at..self.length_at + 1);
        let aim = self.aim_at.map(|at| at..at + 3);
        let more = self.more_at.map(|at| at..at + 1);
        let parts =
            [("report_id", id), ("length_at", length), ("aim_at", aim), ("data_at", Some(data)), ("more_at", more)];
        let parts: Vec<_> = parts.into_iter().filter_map(|(name, part)| Some((name, part?))).collect();
        for (index, (name, part)) in parts.iter().enumerate() {
            if self.bytes < part.end {
                return Err(format!("{name} lies behind the {} bytes of a report: correct it", self.bytes));
            }
            for (other, place) in parts.iter().skip(index + 1) {
                if part.start < place.end && place.start < part.end {
                    return Err(format!("{name} and {other} name the same byte of a report: correct one of them"));
                }
            }
        }
        Ok(())
    }

    /// The report at the front of `bytes`, which is [`Layout::bytes`] long.
    ///
    /// # Errors
    /// [`ReportError::Incomplete`] while it may still become one.
    pub fn parse<'a>(&self, bytes: &'a [u8]) -> Result<Report<'a>, ReportError> {
        if let (Some(wanted), Some(&found)) = (self.id, bytes.first())
            && found != wanted
        {
            return Err(ReportError::Id { found, wanted });
        }
        let missing = ReportError::Incomplete { missing: self.bytes.saturating_sub(bytes.len()) };
        let length = bytes.get(self.length_at).copied().ok_or(missing)?;
        if self.data_bytes < usize::from(length) {
            return Err(ReportError::Length { length, most: self.data_bytes });
        }
        let aim = match self.aim_at {
            Some(at) => Some(bytes.get(at..).and_then(|rest| rest.first_chunk::<3>()).copied().ok_or(missing)?),
            None => None,
        };
        let sound = |[first, code, modifier]: [u8; 3]| match first {
            0 => code == 0 && modifier == 0,
            _ => first == b']' && code.is_ascii_alphanumeric() && modifier.is_ascii_alphanumeric(),
        };
        if let Some(found) = aim.filter(|aim| !sound(*aim)) {
            return Err(ReportError::Aim { found });
        }
        let report = bytes.get(..self.bytes).ok_or(missing)?;
        let data = report.get(self.data_at..).and_then(|data| data.get(..usize::from(length))).ok_or(missing)?;
        let more = match self.more_at.and_then(|at| report.get(at)) {
            None | Some(0) => false,
            Some(1) => true,
            Some(&found) => return Err(ReportError::More { found }),
        };
        let code_id = self.code_at.and_then(|at| report.get(at)).copied();
        Ok(Report { id: self.id, aim, data, more, code_id })
    }

    /// The report with these fields; data past [`Layout::data_bytes`] is left off.
    pub fn encode(&self, aim: Option<[u8; 3]>, data: &[u8], more: bool, code_id: u8) -> Vec<u8> {
        let mut bytes = vec![0; self.bytes];
        let mut put = |at: Option<usize>, what: &[u8]| {
            if let Some(place) = at.and_then(|at| bytes.get_mut(at..)).and_then(|rest| rest.get_mut(..what.len())) {
                place.copy_from_slice(what);
            }
        };
        let data = data.get(..data.len().min(self.data_bytes)).unwrap_or_default();
        put(self.id.map(|_| 0), self.id.as_slice());
        put(Some(self.length_at), &[u8::try_from(data.len()).unwrap_or(u8::MAX)]);
        put(self.aim_at, &aim.unwrap_or_default());
        put(Some(self.data_at), data);
        put(self.code_at, &[code_id]);
        put(self.more_at, &[u8::from(more)]);
        bytes
    }
}

/// A chunk of the layout without fields, `length | data`, at the front of `bytes`. `Err(true)` while it may still become
/// one, `Err(false)` when nothing there begins one: the zeros that fill a report up, or noise.
pub fn chunk(bytes: &[u8]) -> Result<&[u8], bool> {
    match bytes.split_first() {
        None => Err(true),
        Some((&length, rest)) if (1..=CHUNK_MAX).contains(&usize::from(length)) => {
            rest.get(..usize::from(length)).ok_or(true)
        }
        Some(_) => Err(false),
    }
}

/// The output report that carries a word of Honeywell's commands. The byte behind the number is 3 for the words of three
/// bytes; their own tools send 0F before a menu command, whatever its length.
pub fn output(word: &[u8]) -> Vec<u8> {
    let kind = if word.len() == 3 { 0x03 } else { 0x0F };
    [&[0xFD, kind], word].concat()
}
