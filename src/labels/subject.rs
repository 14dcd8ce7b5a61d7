//! What the records know of a thing, as values for the fields of a template, and what a label's code says to a reader.

use crate::epc::elements::Element;
use crate::epc::key::Key;
use crate::epc::plan;
use crate::gs1;
use crate::gs1::prefix::Prefixes;
use crate::identity::Identifier;
use crate::labels::layout::Layout;
use crate::labels::template::Template;
use crate::labels::{FieldKind, Language, SymbolKind};
use crate::quantity::{Quantity, Unit};

/// Filter value of a trade item that is sold or shown by the piece, and of everything else. Source: Tag Data Standard 2.2,
/// section 10.
const FILTER_ITEM: u8 = 1;
const FILTER_OTHER: u8 = 0;

/// A unit as its label names it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub number: &'a str,
    pub name_zh: &'a str,
    pub name_en: &'a str,
    /// Registered weight or amount.
    pub quantity: Option<Quantity>,
    /// GTIN of its item.
    pub gtin: Option<&'a str>,
    /// The unit is a lot: its pieces are alike.
    pub lot: bool,
    /// Codes that stand for it.
    pub codes: &'a [Identifier],
    /// Code of its home.
    pub home: Option<&'a str>,
}

impl Subject<'_> {
    /// What the fields of `template` are for this unit; a field of which the records know nothing is left out. On a label in
    /// both languages a text that exists in both has a value for each.
    pub fn values(&self, template: &Template, language: Language) -> Vec<(String, String)> {
        let mut values = Vec::new();
        for field in &template.fields {
            if field.name == "name" && field.kind == FieldKind::Text {
                let [zh, en] = [self.name_zh, self.name_en].map(str::trim);
                let first = match language {
                    Language::Chinese | Language::Both => [zh, en],
                    Language::English => [en, zh],
                };
                values.extend(first.into_iter().find(|name| !name.is_empty()).map(|name| ("name".into(), name.into())));
                if language == Language::Both && !zh.is_empty() && !en.is_empty() {
                    values.push(("name.zh-CN".into(), zh.into()));
                    values.push(("name.en".into(), en.into()));
                }
                continue;
            }
            values.extend(self.value(&field.name).map(|value| (field.name.clone(), value)));
        }
        values
    }

    fn value(&self, field: &str) -> Option<String> {
        let piece = self.codes.iter().find_map(|code| match code {
            Identifier::Sgtin { gtin, serial } => Some((gtin, serial)),
            _ => None,
        });
        let lot = self.codes.iter().find_map(|code| match code {
            Identifier::Lgtin { gtin, lot } => Some((gtin, lot)),
            _ => None,
        });
        match field {
            "number" | "code" => Some(self.number.to_owned()),
            "home" => self.home.map(str::to_owned),
            "weight_g" => self.quantity.filter(|quantity| quantity.unit == Unit::Mass).map(grams),
            "quantity" => self
                .quantity
                .filter(|quantity| quantity.unit == Unit::Piece)
                .map(|quantity| quantity.amount.to_string()),
            // A serial number without its GTIN, or the other way round, names nothing.
            "gtin" => match (self.lot, piece, lot) {
                (false, Some((gtin, _)), _) | (_, _, Some((gtin, _))) => Some(gtin.clone()),
                (true, _, None) => self.gtin.map(str::to_owned),
                (false, None, None) => None,
            },
            "serial" => piece.filter(|_| !self.lot).map(|(_, serial)| serial.clone()),
            "lot" => lot.map(|(_, lot)| lot.clone()).or_else(|| self.lot.then(|| self.number.to_owned())),
            _ => None,
        }
    }
}

/// Micrograms as grams: `3.42`.
fn grams(quantity: Quantity) -> String {
    let (whole, rest) = (quantity.amount / 1_000_000, (quantity.amount % 1_000_000).abs());
    let text = format!("{whole}.{rest:06}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// What the first code of the label says to a reader; `None` when the label has none.
pub fn identity(layout: &Layout) -> Option<Identifier> {
    let symbol = &layout.codes().next()?.symbol;
    let aim = match (symbol.kind, symbol.message.gs1) {
        (SymbolKind::Code128, true) => Some((b'C', b'1')),
        (SymbolKind::DataMatrix, true) => Some((b'd', b'2')),
        (SymbolKind::Qr, true) => Some((b'Q', b'3')),
        (SymbolKind::Ean, _) => Some((b'E', if symbol.message.text.len() == 8 { b'4' } else { b'0' })),
        (_, false) => None,
    };
    Some(Identifier::of_symbol(aim, symbol.message.text.as_bytes()))
}

/// What to write into the tag of a label with this identity: the classic scheme where the length of the company prefix is
/// known, a "+" scheme otherwise. `None` when it is no GS1 key with a serial number, which is all that tags name.
///
/// # Errors
/// Why no scheme carries it.
pub fn epc(identity: &Identifier, prefixes: &Prefixes) -> Option<Result<Vec<u8>, String>> {
    let elements = identity.elements()?;
    let digits = gs1::key::keys(&elements).first().map(|key| key.company_digits().to_owned())?;
    let stated: Vec<Element> =
        elements.iter().map(|element| Element { ai: element.ai.to_string(), value: element.value.clone() }).collect();
    let (key, _) = Key::of_elements(&stated).ok()?;
    let filter = if matches!(identity, Identifier::Sgtin { .. }) { FILTER_ITEM } else { FILTER_OTHER };
    Some(plan::encode(&key, filter, prefixes.length_for(&digits), None).map_err(|error| error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::{self, Dpi, Fonts, Values};

    fn ring<'a>(codes: &'a [Identifier]) -> Subject<'a> {
        Subject {
            number: "18K-0042-7",
            name_zh: "红宝石戒指",
            name_en: "Ruby ring",
            quantity: Some(Quantity { amount: 3_420_000, unit: Unit::Mass }),
            gtin: Some("9521234543213"),
            lot: false,
            codes,
            home: Some("V1-03"),
        }
    }

    #[test]
    fn a_unit_fills_what_its_records_know() {
        let codes = [Identifier::parse("01/09521234543213/21/S7").unwrap()];
        let template = Template::named("sample").unwrap().unwrap();
        let told = |subject: Subject, language| {
            let values = subject.values(&template, language);
            values.iter().map(|(field, value)| format!("{field}={value}")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(told(ring(&[]), Language::Chinese), "number=18K-0042-7 name=红宝石戒指 weight_g=3.42");
        assert_eq!(
            told(ring(&codes), Language::Both),
            "number=18K-0042-7 name=红宝石戒指 name.zh-CN=红宝石戒指 name.en=Ruby ring gtin=09521234543213 serial=S7 weight_g=3.42"
        );
        assert_eq!(
            told(Subject { name_zh: "", quantity: None, ..ring(&[]) }, Language::Chinese),
            "number=18K-0042-7 name=Ruby ring"
        );
        let lot = Template::named("lot").unwrap().unwrap();
        let stones = Subject { lot: true, quantity: Some(Quantity::pieces(40)), ..ring(&[]) };
        let values: Values = stones.values(&lot, Language::English).into_iter().collect();
        let layout = labels::lay(&lot, &values, Dpi::D203, Language::English, Fonts::house()).unwrap();
        assert_eq!(identity(&layout).unwrap().to_string(), "01/09521234543213/10/18K-0042-7");
    }

    #[test]
    fn a_tag_gets_what_the_code_says() {
        let prefixes = Prefixes::of(["9521234"]).unwrap();
        for (code, prefixes, begins) in [
            ("01/09521234543213/21/7", &prefixes, Some("3036")),
            ("01/09521234543213/21/7", &Prefixes::default(), Some("f7")),
            ("own/R-1", &prefixes, None),
            ("01/09521234543213/10/L7", &prefixes, None),
        ] {
            let identity = Identifier::parse(code).unwrap();
            let written = epc(&identity, prefixes).map(Result::unwrap);
            let begun = written.as_ref().map(|bytes| crate::hex::encode(bytes));
            assert_eq!(begun.as_deref().map(|digits| &digits[..begins.unwrap_or_default().len()]), begins, "{code}");
            // Whatever is written is read as the same thing.
            assert_eq!(written.map_or_else(|| identity.clone(), |bytes| Identifier::of_tag(&bytes)), identity);
        }
    }
}
