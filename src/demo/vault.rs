//! The vault of the demo: who works there, what lies there, which tag hangs on what.

use crate::epc;
use crate::event::Act;
use crate::identity::Identifier;
use crate::quantity::{Moment, Quantity, Unit as Measure};
use crate::sync::records::{
    Binding, Certificate, Content, Hold, Item, Name, Pass, Person, Place, PlaceKind, Record, Task, Tracking, Unit,
};

/// The prefix that GS1 keeps for examples has seven digits.
const PREFIX_DIGITS: usize = 7;

/// How long the certificates of the demo hold, in microseconds.
const A_YEAR_US: i64 = 365 * 24 * 3_600 * 1_000_000;

/// One sample: its number on the label, its tag, its home.
#[derive(Clone, Debug)]
pub struct Sample {
    pub number: String,
    pub item: &'static str,
    pub gtin: String,
    pub serial: u64,
    pub home: String,
    pub name: Name,
    pub micrograms: i64,
}

impl Sample {
    /// The EPC on its radio tag.
    pub fn epc(&self) -> Vec<u8> {
        epc::sgtin_96(1, &self.gtin, PREFIX_DIGITS, self.serial).expect("the demo's GTINs are sound").to_vec()
    }

    /// Canonical code of its radio tag.
    pub fn tag(&self) -> String {
        Identifier::of_tag(&self.epc()).to_string()
    }

    /// Canonical code of the number on its label.
    pub fn label(&self) -> String {
        Identifier::own(&self.number).to_string()
    }
}

pub const KEEPER: u32 = 1;
pub const SALES: u32 = 2;
pub const APPROVER: u32 = 3;
pub const DESIGN: u32 = 4;

pub const VAULT: &str = "V2";
pub const SHOWROOM: &str = "SHOW";
pub const RECEIVING: &str = "RECV";
pub const DOOR_VAULT: &str = "D-01";
pub const DOOR_RECEIVING: &str = "D-02";

/// Text of a person's badge.
pub fn badge(person: u32) -> String {
    format!("BADGE-{person:03}")
}

fn name(zh: &str, en: &str) -> Name {
    Name { zh: zh.to_owned(), en: en.to_owned() }
}

/// Item code, GTIN without its check digit, names, number's first part, weight in micrograms.
const ITEMS: [(&str, &str, &str, &str, &str, i64); 6] = [
    ("RG-7715", "0952123401001", "红宝石戒指 · 18K 金", "Ruby ring, 18K gold", "18K-00", 3_420_000),
    ("RG-7720", "0952123401002", "蓝宝石戒指 · 铂金", "Sapphire ring, platinum", "PT-03", 4_180_000),
    ("NK-3308", "0952123401003", "蓝宝石项链 · 铂金", "Sapphire necklace, platinum", "PT-05", 11_960_000),
    ("NK-3312", "0952123401004", "珍珠项链 · 18K 金", "Pearl necklace, 18K gold", "18K-04", 28_500_000),
    ("ER-2041", "0952123401005", "钻石耳钉 · 铂金", "Diamond earrings, platinum", "PT-02", 2_260_000),
    ("JD-0102", "0952123401006", "翡翠手镯", "Jadeite bangle", "JD-01", 46_300_000),
];

/// The samples, four of each item.
pub fn samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    for (row, (item, gtin, zh, en, number, micrograms)) in ITEMS.into_iter().enumerate() {
        let check = crate::gs1::check_digit(gtin).expect("the demo's GTINs are digits");
        for piece in 1..=4_u32 {
            let running = 17 + 3 * piece;
            samples.push(Sample {
                number: format!("{number}{running}-{}", (running * 7 + piece) % 10),
                item,
                gtin: format!("{gtin}{check}"),
                serial: 1000 * (row as u64 + 1) + u64::from(piece),
                home: format!("V2-{:02}-{:02}", row / 2 + 1, 4 * (row % 2) as u32 + piece),
                name: name(zh, en),
                micrograms: micrograms + i64::from(piece) * 20_000,
            });
        }
    }
    samples
}

/// Everything that the server is told before the day begins.
pub fn records(samples: &[Sample], now: Moment) -> Vec<Record> {
    let mut contents = Vec::new();
    for (number, zh, en, department_zh, department_en) in [
        (KEEPER, "陈静", "Chen Jing", "保险库", "Vault"),
        (SALES, "李明", "Li Ming", "销售部", "Sales"),
        (APPROVER, "王芳", "Wang Fang", "样品中心", "Sample centre"),
        (DESIGN, "赵磊", "Zhao Lei", "设计部", "Design"),
    ] {
        contents.push(Content::Person(Person {
            number,
            name: name(zh, en),
            department: name(department_zh, department_en),
            badge: Some(Identifier::own(&badge(number)).to_string()),
        }));
    }
    for (code, parent, kind, zh, en) in [
        ("GZ", None, PlaceKind::Site, "广州样品中心", "Guangzhou sample centre"),
        (VAULT, Some("GZ"), PlaceKind::Vault, "二号保险库", "Vault 2"),
        (SHOWROOM, Some("GZ"), PlaceKind::Zone, "展厅", "Showroom"),
        (RECEIVING, Some("GZ"), PlaceKind::Zone, "收货区", "Receiving"),
        (DOOR_VAULT, Some("GZ"), PlaceKind::Door, "保险库门", "Vault door"),
        (DOOR_RECEIVING, Some("GZ"), PlaceKind::Door, "收货门", "Receiving door"),
    ] {
        let parent = parent.map(str::to_owned);
        contents.push(Content::Place(Place { code: code.to_owned(), parent, kind, name: name(zh, en) }));
    }
    for (item, gtin, zh, en, ..) in ITEMS {
        let check = crate::gs1::check_digit(gtin).expect("the demo's GTINs are digits");
        contents.push(Content::Item(Item {
            code: item.to_owned(),
            name: name(zh, en),
            gtin: Some(format!("{gtin}{check}")),
            tracking: Tracking::Serial,
        }));
    }
    for sample in samples {
        contents.push(Content::Place(Place {
            code: sample.home.clone(),
            parent: Some(VAULT.to_owned()),
            kind: PlaceKind::Storage,
            name: name(&format!("库位 {}", sample.home), &format!("Place {}", sample.home)),
        }));
        contents.push(Content::Unit(Unit {
            number: sample.number.clone(),
            item: sample.item.to_owned(),
            tracking: Tracking::Serial,
            name: sample.name.clone(),
            home: Some(sample.home.clone()),
            quantity: Some(Quantity { amount: sample.micrograms, unit: Measure::Mass }),
        }));
        contents.push(Content::Binding(Binding { code: sample.tag(), unit: sample.number.clone() }));
    }
    for (number, person, act) in [("CERT-001", KEEPER, Act::CheckOut), ("CERT-002", SALES, Act::CheckOut)] {
        contents.push(Content::Certificate(Certificate {
            number: number.to_owned(),
            person,
            act,
            until: Moment(now.0 + A_YEAR_US),
        }));
    }
    if let Some(bangle) = samples.last() {
        contents.push(Content::Hold(Hold {
            number: "HOLD-001".to_owned(),
            unit: bangle.number.clone(),
            reason: name("待检验：疑有裂纹", "To be inspected: a crack is suspected"),
        }));
    }
    let morning: Vec<String> = samples.iter().take(4).map(|sample| sample.number.clone()).collect();
    contents.push(Content::Task(Task {
        number: "TASK-001".to_owned(),
        act: Act::PutAway,
        title: name("上架今早到货的样品", "Put away the samples of this morning"),
        units: morning,
        document: None,
    }));
    contents.into_iter().map(|content| Record { version: 1, withdrawn: false, since: now, content }).collect()
}

/// A pass for `samples`, approved now and valid for two hours.
pub fn pass(number: &str, person: u32, samples: &[Sample], now: Moment) -> Record {
    const HOUR_US: i64 = 3_600 * 1_000_000;
    Record {
        version: 1,
        withdrawn: false,
        since: now,
        content: Content::Pass(Pass {
            number: number.to_owned(),
            units: samples.iter().map(|sample| sample.number.clone()).collect(),
            person,
            purpose: name("展会展示", "Trade fair"),
            from: now,
            until: Moment(now.0 + 2 * HOUR_US),
            due: Moment(now.0 + 7 * 24 * HOUR_US),
            approved_by: APPROVER,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_sample_has_its_own_number_tag_and_home() {
        let samples = samples();
        assert_eq!(samples.len(), 24);
        for own in [Sample::tag as fn(&Sample) -> String, Sample::label, |sample| sample.home.clone()] {
            assert_eq!(samples.iter().map(own).collect::<BTreeSet<_>>().len(), samples.len());
        }
        assert!(samples.iter().all(|sample| sample.tag().starts_with("01/")), "the tags are SGTINs");
    }
}
