//! `gatebook devices`: the ports of this machine by their stable names, and what is likely behind them.

use clap::Args;
use serde_json::json;

use super::Stop;
use crate::terminal::ports;

#[derive(Args)]
pub struct Options {
    /// Answer as JSON, one object a line
    #[arg(long)]
    json: bool,
}

pub fn run(options: &Options) -> Result<(), Stop> {
    let ports = ports::list().map_err(Stop::fault)?;
    if ports.is_empty() && !options.json {
        println!("no serial port was found; plug the device in and look at `dmesg | tail`");
    }
    for port in ports {
        let usb = port.usb.map(|(vendor, product)| format!("{vendor:04x}:{product:04x}"));
        if options.json {
            println!(
                "{}",
                json!({"name": port.name, "path": port.path, "usb": usb, "product": port.product, "driver": port.driver})
            );
            continue;
        }
        println!(
            "{}\n    {}  {}  {}  likely driver: {}",
            port.name,
            port.path,
            usb.as_deref().unwrap_or("no USB ids"),
            port.product.as_deref().unwrap_or("unnamed"),
            port.driver.unwrap_or("unknown"),
        );
    }
    Ok(())
}
