//! The symbologies by the names that ZXing gave them.

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    Aztec,
    Codabar,
    Code39,
    Code93,
    Code128,
    DataBar,
    DataBarExpanded,
    DataMatrix,
    Ean8,
    Ean13,
    Itf,
    MicroQrCode,
    Pdf417,
    QrCode,
    UpcA,
    UpcE,
}

impl Format {
    pub const ALL: [Self; 16] = [
        Self::Aztec,
        Self::Codabar,
        Self::Code39,
        Self::Code93,
        Self::Code128,
        Self::DataBar,
        Self::DataBarExpanded,
        Self::DataMatrix,
        Self::Ean8,
        Self::Ean13,
        Self::Itf,
        Self::MicroQrCode,
        Self::Pdf417,
        Self::QrCode,
        Self::UpcA,
        Self::UpcE,
    ];

    /// Those that are read along a line.
    pub(super) const LINEAR: [Self; 11] = [
        Self::Codabar,
        Self::Code39,
        Self::Code93,
        Self::Code128,
        Self::DataBar,
        Self::DataBarExpanded,
        Self::Ean8,
        Self::Ean13,
        Self::Itf,
        Self::UpcA,
        Self::UpcE,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Aztec => "Aztec",
            Self::Codabar => "Codabar",
            Self::Code39 => "Code39",
            Self::Code93 => "Code93",
            Self::Code128 => "Code128",
            Self::DataBar => "DataBar",
            Self::DataBarExpanded => "DataBarExpanded",
            Self::DataMatrix => "DataMatrix",
            Self::Ean8 => "EAN8",
            Self::Ean13 => "EAN13",
            Self::Itf => "ITF",
            Self::MicroQrCode => "MicroQRCode",
            Self::Pdf417 => "PDF417",
            Self::QrCode => "QRCode",
            Self::UpcA => "UPCA",
            Self::UpcE => "UPCE",
        }
    }

    /// The code character of the AIM identifier.
    pub(super) fn aim_code(self) -> u8 {
        match self {
            Self::Aztec => b'z',
            Self::Codabar => b'F',
            Self::Code39 => b'A',
            Self::Code93 => b'G',
            Self::Code128 => b'C',
            Self::DataBar | Self::DataBarExpanded => b'e',
            Self::DataMatrix => b'd',
            Self::Ean8 | Self::Ean13 | Self::UpcA | Self::UpcE => b'E',
            Self::Itf => b'I',
            Self::Pdf417 => b'L',
            Self::MicroQrCode | Self::QrCode => b'Q',
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
