//! CRC-16/MODBUS.

/// Polynomial 0x8005 reflected, initial value FFFF, no final xor; the low byte goes first on the wire.
pub fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte), |crc, _| if crc & 1 == 0 { crc >> 1 } else { (crc >> 1) ^ 0xA001 })
    })
}

#[test]
fn the_check_value_is_right() {
    assert_eq!(crc16(b"123456789"), 0x4B37);
}
