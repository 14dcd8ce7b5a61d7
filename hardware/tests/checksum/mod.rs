//! The checksums of all families against vectors that others computed.

use gatebook_hardware::checksum;

use crate::vectors::{self, hex};

const VECTORS: &str = include_str!("../data/crc_algorithms.json");

#[test]
fn every_vector_is_computed() {
    for vector in vectors::of(VECTORS, "checksum") {
        let (id, bytes) = (&vector["id"], hex(&vector["input_hex"]));
        let name = vector["algorithm"].as_str().unwrap();
        let found: u16 = match name.split(" (").next().unwrap() {
            "CRC-16/MODBUS" => checksum::crc16_modbus(&bytes),
            "CRC-16/MCRF4XX" => checksum::crc16_mcrf4xx(&bytes),
            "CRC-16/GENIBUS" => checksum::crc16_genibus(&bytes),
            "MERCURY" => checksum::crc16_mercury(&bytes),
            "SUM8" => checksum::sum8(&bytes).into(),
            "NEG_SUM8" => checksum::neg_sum8(&bytes).into(),
            "NEG_SUM16" => checksum::neg_sum16(&bytes),
            "XOR8" => checksum::xor8(&bytes).into(),
            other => panic!("{id}: no checksum {other}"),
        };
        assert_eq!(u64::from(found), vector["expect"].as_u64().unwrap(), "{id}: {name}");
    }
}

/// A tag's own checksum is that of its PC and EPC in a row.
#[test]
fn a_tag_is_checked_without_joining_its_parts() {
    for length in 0..40u8 {
        let epc: Vec<u8> = (0..length).collect();
        let joined = [&[0x34, 0x00], epc.as_slice()].concat();
        assert_eq!(checksum::tag_crc(0x3400, &epc), checksum::crc16_genibus(&joined));
    }
}
