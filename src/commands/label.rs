//! `gatebook label`: a label from a template and its values, as bytes for a printer or as a picture.

use std::io::Write;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::commands::{Stop, put};
use crate::hex;
use crate::labels::{self, Dpi, FieldKind, Fonts, LabelError, Language, Layout, Template, Values};

/// How long a printer may take to answer and to take the label in.
const PRINTER_WAIT: Duration = Duration::from_secs(10);

/// Pixels a dot of a PNG where the command does not say.
const PNG_SCALE: u32 = 1;

#[derive(Args)]
pub struct Options {
    /// Name of the template, as --list shows it
    #[arg(required_unless_present = "list")]
    template: Option<String>,
    /// Value of a field; name.en and name.zh-CN set a text for one language
    #[arg(long, value_name = "FIELD=TEXT", value_parser = pair)]
    set: Vec<(String, String)>,
    /// zpl, tspl, svg, png, or a printer: tcp:HOST:9100, /dev/usb/lp0 or another path
    #[arg(long, value_name = "FORMAT|PRINTER", default_value = "png")]
    to: String,
    /// What the printer reads
    #[arg(long, value_name = "LANGUAGE")]
    language_of_printer: Option<PrinterLanguage>,
    /// Dots per inch of the printer: 203, 300 or 600
    #[arg(long, default_value = "203", value_parser = dpi)]
    dpi: Dpi,
    /// Language of the label: zh-CN, en or both
    #[arg(long, default_value = "zh-CN", value_parser = language)]
    language: Language,
    /// How many labels the printer makes
    #[arg(long)]
    copies: Option<u32>,
    /// EPC in hex digits that a ZPL printer with an encoder writes into the tag of the label
    #[arg(long, value_name = "HEX")]
    epc: Option<String>,
    /// Pixels for one dot of a PNG
    #[arg(long)]
    scale: Option<u32>,
    /// File to write to instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Folder of templates that replace those of the house or stand beside them
    #[arg(long, value_name = "FOLDER")]
    templates: Option<PathBuf>,
    /// Font file for characters that the compiled-in font lacks
    #[arg(long, value_name = "FILE")]
    font: Vec<PathBuf>,
    /// Show the templates with their fields
    #[arg(long)]
    list: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PrinterLanguage {
    Zpl,
    Tspl,
}

/// Where the label goes and as what.
enum Target<'a> {
    Printout(PrinterLanguage),
    Svg,
    Png,
    Printer(PrinterLanguage, &'a str),
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (field, value) = text.split_once('=').ok_or("write FIELD=TEXT")?;
    Ok((field.trim().to_owned(), value.to_owned()))
}

fn dpi(text: &str) -> Result<Dpi, String> {
    text.parse().ok().and_then(Dpi::from_number).ok_or_else(|| "printers have 203, 300 or 600 dots an inch".to_owned())
}

fn language(text: &str) -> Result<Language, String> {
    Language::from_tag(text).ok_or_else(|| "labels are written in zh-CN, en or both".to_owned())
}

pub fn run(options: &Options) -> Result<(), Stop> {
    let templates = match &options.templates {
        Some(folder) => Template::with_folder(folder),
        None => Template::all(),
    }
    .map_err(Stop::fault)?;
    let Some(name) = options.template.as_deref().filter(|_| !options.list) else {
        return write_out(list(&templates).as_bytes(), None);
    };
    let template = templates.iter().find(|template| template.name == name).ok_or_else(|| unknown(name, &templates))?;
    let target = target(options)?;
    let more = Fonts::with(&options.font).map_err(Stop::Fault)?;
    let values: Values = options.set.iter().map(|(field, text)| (field, text)).collect();
    let layout = labels::lay(template, &values, options.dpi, options.language, &more).map_err(refused)?;
    for warning in &layout.warnings {
        eprintln!("warning: {warning}");
    }
    let bytes = render(options, &layout, &target)?;
    match target {
        Target::Printer(_, printer) => send(&bytes, printer),
        Target::Printout(_) | Target::Svg | Target::Png => write_out(&bytes, options.out.as_deref()),
    }
}

fn refused(error: LabelError) -> Stop {
    Stop::Refused(match error.help() {
        Some(help) => format!("{error}\n{help}"),
        None => error.to_string(),
    })
}

fn unknown(name: &str, templates: &[Template]) -> Stop {
    let names: Vec<&str> = templates.iter().map(|template| template.name.as_str()).collect();
    Stop::Fault(format!("there is no template `{name}`; there are {}", names.join(", ")))
}

fn target(options: &Options) -> Result<Target<'_>, Stop> {
    let target = match (options.to.as_str(), options.language_of_printer) {
        ("zpl", None) => Target::Printout(PrinterLanguage::Zpl),
        ("tspl", None) => Target::Printout(PrinterLanguage::Tspl),
        ("svg", None) => Target::Svg,
        ("png", None) => Target::Png,
        ("zpl" | "tspl" | "svg" | "png", Some(_)) => {
            return Err(Stop::Fault("--language-of-printer goes with a printer, not with a format".into()));
        }
        (printer, Some(language)) => Target::Printer(language, printer),
        (printer, None) => {
            let what =
                format!("`{printer}` is no format; for a printer say what it reads: --language-of-printer zpl or tspl");
            return Err(Stop::Fault(what));
        }
    };
    let prints = matches!(target, Target::Printout(_) | Target::Printer(..));
    let encodes = matches!(target, Target::Printout(PrinterLanguage::Zpl) | Target::Printer(PrinterLanguage::Zpl, _));
    let misplaced = match options {
        Options { copies: Some(_), .. } if !prints => "--copies is for printers",
        Options { epc: Some(_), .. } if !encodes => "--epc is for ZPL printers: TSPL has no common command for tags",
        Options { scale: Some(_), .. } if !matches!(target, Target::Png) => "--scale is for PNG",
        Options { out: Some(_), .. } if matches!(target, Target::Printer(..)) => {
            "--out and a printer exclude each other"
        }
        _ => return Ok(target),
    };
    Err(Stop::Fault(misplaced.to_owned()))
}

fn render(options: &Options, layout: &Layout, target: &Target) -> Result<Vec<u8>, Stop> {
    let epc = options
        .epc
        .as_deref()
        .map(|text| hex::decode(text).ok_or_else(|| Stop::fault("--epc takes pairs of hex digits")));
    let copies = options.copies.unwrap_or(1);
    match target {
        Target::Printout(PrinterLanguage::Zpl) | Target::Printer(PrinterLanguage::Zpl, _) => {
            labels::zpl::render(layout, copies, epc.transpose()?.as_deref())
        }
        Target::Printout(PrinterLanguage::Tspl) | Target::Printer(PrinterLanguage::Tspl, _) => {
            labels::tspl::render(layout, copies)
        }
        Target::Svg => Ok(labels::svg::render(layout).into_bytes()),
        Target::Png => labels::png::render(layout, options.scale.unwrap_or(PNG_SCALE)),
    }
    .map_err(refused)
}

fn list(templates: &[Template]) -> String {
    let mut text = String::new();
    for template in templates {
        let Template { name, title, width_mm, height_mm, .. } = template;
        text += &format!("{name}  {} · {}, {width_mm} x {height_mm} mm\n", title.chinese, title.english);
        for field in &template.fields {
            let kind = match field.kind {
                FieldKind::Text => format!("text, {} characters at most", field.max),
                FieldKind::Gtin => "GTIN".to_owned(),
                FieldKind::Sscc => "SSCC".to_owned(),
                FieldKind::Digits => format!("digits, {} at most", field.max),
                FieldKind::Date => "date like 2026-12-31".to_owned(),
                FieldKind::Address => "beginning of a web address".to_owned(),
            };
            let choices: Vec<&str> = field.choices.keys().map(String::as_str).collect();
            let kind = if choices.is_empty() { kind } else { choices.join(" | ") };
            let need = match &field.default {
                _ if field.required => "required".to_owned(),
                Some(default) => format!("optional, {default} otherwise"),
                None => "optional".to_owned(),
            };
            text += &format!("    {}: {kind}; {need}\n", field.name);
        }
    }
    text
}

fn write_out(bytes: &[u8], file: Option<&Path>) -> Result<(), Stop> {
    match file {
        Some(file) => std::fs::write(file, bytes).map_err(|error| Stop::fault(format!("{}: {error}", file.display()))),
        None => put(bytes),
    }
}

/// Hands all bytes to the printer.
fn send(bytes: &[u8], printer: &str) -> Result<(), Stop> {
    match printer.strip_prefix("tcp:") {
        Some(address) => over_network(bytes, address),
        // Never makes a file: a misspelt device must not swallow a label.
        None => std::fs::OpenOptions::new().write(true).open(printer).and_then(|mut device| {
            device.write_all(bytes)?;
            device.flush()
        }),
    }
    .map_err(|error| {
        Stop::Fault(format!("the printer {printer} did not take the label: {error}; is it on, connected and online?"))
    })
}

fn over_network(bytes: &[u8], address: &str) -> std::io::Result<()> {
    let mut last = std::io::Error::other("the address names no machine");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PRINTER_WAIT) {
            Ok(mut stream) => {
                stream.set_write_timeout(Some(PRINTER_WAIT))?;
                stream.write_all(bytes)?;
                // The end of the stream tells the printer that nothing follows.
                return stream.shutdown(std::net::Shutdown::Write);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}
