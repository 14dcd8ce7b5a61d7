//! A decoded message as JSON text, for people and for comparing with other decoders.

use std::fmt::Write;

use super::message::{Message, Parameter, Value};

impl Message {
    /// `{"message":…,"type":…,"version":…,"message_id":…,"decoded":{…}}`.
    ///
    /// Fields and parameters stand under their names, a parameter that occurs more than once as an array. Octets are
    /// hex text, bit strings `{"bits":…,"hex":…}`, vendors' own parameters open with `Vendor` and `Subtype`.
    pub fn json(&self) -> String {
        let mut out = String::new();
        out.push_str("{\"message\":");
        text(self.body.name(), &mut out);
        for (name, number) in
            [("type", u32::from(self.number())), ("version", u32::from(self.version)), ("message_id", self.id)]
        {
            push(&mut out, format_args!(",\"{name}\":{number}"));
        }
        out.push_str(",\"decoded\":");
        object(&self.body, &mut out);
        out.push('}');
        out
    }
}

fn object(parameter: &Parameter, out: &mut String) {
    out.push('{');
    let mut first = true;
    let mut key = |name: &str, out: &mut String| {
        if !first {
            out.push(',');
        }
        first = false;
        text(name, out);
        out.push(':');
    };
    if let Some((vendor, subtype)) = parameter.vendor() {
        key("Vendor", out);
        push(out, format_args!("{vendor}"));
        key("Subtype", out);
        push(out, format_args!("{subtype}"));
    }
    for (name, field) in parameter.fields() {
        key(name, out);
        value(field, out);
    }
    // A sort by name that keeps the order within a name brings repetitions together; then the order of first
    // appearance is restored.
    let mut groups: Vec<(usize, &Parameter)> = parameter.parameters.iter().enumerate().collect();
    groups.sort_by_key(|(_, inner)| inner.name());
    let mut groups: Vec<_> = groups.chunk_by(|(_, a), (_, b)| a.name() == b.name()).collect();
    groups.sort_by_key(|group| group.first().map(|(place, _)| *place));
    for group in groups {
        match group {
            [(_, only)] => {
                key(only.name(), out);
                object(only, out);
            }
            [(_, some), ..] => {
                key(some.name(), out);
                list(group.iter(), |(_, inner), out| object(inner, out), out);
            }
            [] => (),
        }
    }
    out.push('}');
}

fn value(value: &Value, out: &mut String) {
    match value {
        Value::Unsigned(number) => push(out, format_args!("{number}")),
        Value::Signed(number) => push(out, format_args!("{number}")),
        Value::Bits { bits, octets } => {
            push(out, format_args!("{{\"bits\":{bits},\"hex\":"));
            hex(octets, out);
            out.push('}');
        }
        Value::Octets(octets) => hex(octets, out),
        Value::Numbers(numbers) => list(numbers.iter(), |number, out| push(out, format_args!("{number}")), out),
        Value::Text(content) => text(content, out),
    }
}

fn list<T>(items: impl Iterator<Item = T>, mut each: impl FnMut(T, &mut String), out: &mut String) {
    out.push('[');
    for (place, item) in items.enumerate() {
        if 0 < place {
            out.push(',');
        }
        each(item, out);
    }
    out.push(']');
}

fn hex(octets: &[u8], out: &mut String) {
    out.push('"');
    for octet in octets {
        push(out, format_args!("{octet:02x}"));
    }
    out.push('"');
}

fn text(content: &str, out: &mut String) {
    out.push('"');
    for letter in content.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            '\0'..='\x1f' => push(out, format_args!("\\u{:04x}", u32::from(letter))),
            _ => out.push(letter),
        }
    }
    out.push('"');
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a String takes any text");
}
