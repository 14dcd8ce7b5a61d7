//! The checksums of all families in one place.
//!
//! Parameters as in the catalogue of Greg Cook (reveng); each has its check value, the sum over the ASCII text
//! `123456789`, as a test.

/// CRC-16/MODBUS: polynomial 8005 reflected, from FFFF. Sent low byte first.
pub fn crc16_modbus(bytes: &[u8]) -> u16 {
    reflected(&MODBUS, bytes)
}

/// CRC-16/MCRF4XX: polynomial 1021 reflected, from FFFF. Sent low byte first.
pub fn crc16_mcrf4xx(bytes: &[u8]) -> u16 {
    reflected(&MCRF4XX, bytes)
}

/// CRC-16/GENIBUS: polynomial 1021, from FFFF, inverted. Sent high byte first.
pub fn crc16_genibus(bytes: &[u8]) -> u16 {
    !forward(0xFFFF, bytes)
}

/// CRC-16/GENIBUS over PC and EPC, as a Gen2 tag computes it (ISO/IEC 18000-63, annex F).
pub fn tag_crc(pc: u16, epc: &[u8]) -> u16 {
    !forward(forward(0xFFFF, &pc.to_be_bytes()), epc)
}

/// The CRC of ThingMagic modules: polynomial 1021 from FFFF, with the bits of the message shifted in and no zero bits
/// behind them. Sent high byte first. No catalogue has it.
pub fn crc16_mercury(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc: u16, &byte| {
        let [high, low] = crc.to_be_bytes();
        FORWARD[usize::from(high)] ^ u16::from_be_bytes([low, byte])
    })
}

/// The low byte of the sum.
pub fn sum8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, &byte| sum.wrapping_add(byte))
}

/// What makes the sum of all bytes a multiple of 256.
pub fn neg_sum8(bytes: &[u8]) -> u8 {
    sum8(bytes).wrapping_neg()
}

/// What makes the sum of all bytes and itself a multiple of 65536. Sent high byte first.
pub fn neg_sum16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0u16, |sum, &byte| sum.wrapping_add(byte.into())).wrapping_neg()
}

/// All bytes exclusively or-ed.
pub fn xor8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, &byte| sum ^ byte)
}

fn reflected(table: &[u16; 256], bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, &byte| {
        let [low, high] = crc.to_le_bytes();
        table[usize::from(low ^ byte)] ^ u16::from(high)
    })
}

fn forward(crc: u16, bytes: &[u8]) -> u16 {
    bytes.iter().fold(crc, |crc, &byte| {
        let [high, low] = crc.to_be_bytes();
        FORWARD[usize::from(high ^ byte)] ^ (u16::from(low) << 8)
    })
}

static MODBUS: [u16; 256] = reflected_table(0xA001);
static MCRF4XX: [u16; 256] = reflected_table(0x8408);
static FORWARD: [u16; 256] = forward_table(0x1021);

const fn reflected_table(polynomial: u16) -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u16;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 0 { crc >> 1 } else { (crc >> 1) ^ polynomial };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

const fn forward_table(polynomial: u16) -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ polynomial };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_values_are_those_of_the_catalogue() {
        let text = b"123456789";
        assert_eq!(crc16_modbus(text), 0x4B37);
        assert_eq!(crc16_mcrf4xx(text), 0x6F91);
        assert_eq!(crc16_genibus(text), 0xD64E);
        assert_eq!(crc16_mercury(text), 0xA69D);
        assert_eq!(sum8(text), 0xDD);
        assert_eq!(neg_sum8(text), 0x23);
        assert_eq!(neg_sum16(text), 0xFE23);
        assert_eq!(xor8(text), 0x31);
    }

    /// The EPC that the R200 manual prints in section 3.2.
    #[test]
    fn a_tag_has_the_checksum_that_its_maker_prints() {
        let epc = [0x30, 0x75, 0x1F, 0xEB, 0x70, 0x5C, 0x59, 0x04, 0xE3, 0xD5, 0x0D, 0x70];
        assert_eq!(tag_crc(0x3400, &epc), 0x3A76);
    }
}
