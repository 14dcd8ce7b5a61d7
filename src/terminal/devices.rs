//! From the configuration of a device to its session and its line.

use std::time::Duration;

use hardware::device::Device;
use hardware::llrp::session::Llrp;
use hardware::llrp::settings as llrp;
use hardware::r200::frame::Dialect;
use hardware::r200::message::Region;
use hardware::r200::session as r200;
use hardware::r200::session::R200;
use hardware::scanner::{AimMode, Framing, FramingError, Scanner};

use crate::config::terminal as config;
use crate::config::terminal::AimUse;

/// A session with the device; `None` for a folder of pictures, which has none.
///
/// # Errors
/// When no code of a scanner could ever end.
pub fn session(driver: &config::Driver) -> Result<Option<Device>, FramingError> {
    Ok(match driver {
        config::Driver::Scanner(scanner) => Some(Device::Scanner(Scanner::new(framing(scanner))?)),
        config::Driver::R200(module) => Some(Device::R200(R200::new(r200::Settings {
            dialect: module.dialect.map(|dialect| match dialect {
                config::Dialect::M100 => Dialect::M100,
                config::Dialect::R200 => Dialect::R200,
            }),
            region: module.region.map(|region| match region {
                config::Region::China900 => Region::China900,
                config::Region::China800 => Region::China800,
                config::Region::Us => Region::Us,
                config::Region::Europe => Region::Europe,
                config::Region::Korea => Region::Korea,
            }),
            power_centi_dbm: module.power_dbm.map(|dbm| u16::from(dbm) * 100),
            ..r200::Settings::default()
        }))),
        config::Driver::Llrp(reader) => Some(Device::Llrp(Llrp::new(llrp::Settings {
            antennas: reader.antennas.clone(),
            power_dbm: reader.power_dbm.map(i16::from),
            session: match reader.session {
                0 => llrp::InventorySession::S0,
                1 => llrp::InventorySession::S1,
                2 => llrp::InventorySession::S2,
                _ => llrp::InventorySession::S3,
            },
            tag_population: reader.population,
            keepalive: Duration::from_secs(reader.keepalive_s),
            ..llrp::Settings::default()
        }))),
        config::Driver::Folder => None,
    })
}

fn framing(scanner: &config::Scanner) -> Framing {
    Framing {
        prefix: scanner.prefix.clone().into_bytes(),
        terminators: scanner.terminators.iter().map(|end| end.clone().into_bytes()).collect(),
        idle: scanner.idle_ms.map(Duration::from_millis),
        max_len: scanner.max_len,
        strip_parity: scanner.strip_parity,
        aim: match scanner.aim {
            AimUse::Absent => AimMode::Absent,
            AimUse::WhenSent => AimMode::WhenSent,
            AimUse::Required => AimMode::Required,
        },
    }
}
