//! `gatebook devices`: the ports of this machine by their stable names, and what is likely behind them.

use clap::Args;

use super::Stop;
use crate::terminal::port::list_ports;

#[derive(Args)]
pub struct Options {
    /// Answer as JSON, one object a line
    #[arg(long)]
    json: bool,
}

pub fn run(options: &Options) -> Result<(), Stop> {
    let ports = list_ports();
    if ports.is_empty() && !options.json {
        println!("no serial port was found; plug the device in and look at `dmesg | tail`");
    }
    for port in ports {
        if options.json {
            println!("{}", serde_json::to_string(&port).map_err(Stop::fault)?);
            continue;
        }
        let usb = port.usb.map_or("no USB ids".into(), |(vendor, product)| format!("{vendor:04x}:{product:04x}"));
        println!("{}", port.stable.as_ref().unwrap_or(&port.path).display());
        println!(
            "    {}, {usb}, {}, likely driver: {}",
            port.path.display(),
            port.product.as_deref().unwrap_or("unnamed"),
            port.driver.unwrap_or("unknown"),
        );
    }
    Ok(())
}
