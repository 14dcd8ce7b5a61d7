//! One form for each kind of value, the same on every screen, in both languages.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use maud::{Markup, html};

use crate::face::words::Lang;
use crate::quantity::{Moment, Quantity, Unit};

/// What stands where a value is missing: never 0, never blank.
pub const MISSING: &str = "—";

/// For whom a page is written: the language, the zone of the site, and the instant of the page.
#[derive(Clone, Debug)]
pub struct Reader {
    pub lang: Lang,
    pub zone: TimeZone,
    pub now: Moment,
}

/// Digits in groups of three with commas; U+2212 for minus.
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "\u{2212}" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if 0 < place && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl Reader {
    /// An amount with its unit, always: `5 件`, `5 pcs`, `3.42 g`.
    pub fn quantity(&self, quantity: Quantity) -> String {
        match quantity.unit {
            Unit::Piece if quantity.amount < 0 => {
                format!("\u{2212}{}", self.lang.tell("pieces", &[("n", quantity.amount.unsigned_abs().into())]))
            }
            Unit::Piece => self.lang.tell("pieces", &[("n", quantity.amount.unsigned_abs().into())]),
            Unit::Mass | Unit::Length | Unit::Volume => quantity.to_string(),
        }
    }

    /// Year, month, day, hour and minute at the site.
    pub fn full(&self, at: Moment) -> String {
        match self.lang {
            Lang::Zh => self.local(at).strftime("%Y-%m-%d %H:%M").to_string(),
            Lang::En => self.local(at).strftime("%-d %b %Y, %H:%M").to_string(),
        }
    }

    /// As short as it is clear: `今天 14:32`, `11-29 14:32`, and the year when it is another one.
    pub fn near(&self, at: Moment) -> String {
        let (then, now) = (self.local(at), self.local(self.now));
        if then.date() == now.date() {
            return format!("{} {}", self.lang.say("today"), then.strftime("%H:%M"));
        }
        if then.year() != now.year() {
            return self.full(at);
        }
        match self.lang {
            Lang::Zh => then.strftime("%m-%d %H:%M").to_string(),
            Lang::En => then.strftime("%-d %b %H:%M").to_string(),
        }
    }

    /// The day alone: `今天`, `11-29`, `29 Nov`, and the year when it is another one.
    pub fn date(&self, at: Moment) -> String {
        let (then, now) = (self.local(at), self.local(self.now));
        let form = match (self.lang, then.year() == now.year()) {
            _ if then.date() == now.date() => return self.lang.say("today"),
            (Lang::Zh, true) => "%m-%d",
            (Lang::Zh, false) => "%Y-%m-%d",
            (Lang::En, true) => "%-d %b",
            (Lang::En, false) => "%-d %b %Y",
        };
        then.strftime(form).to_string()
    }

    /// Hour, minute and second at the site, where the day goes without saying.
    pub fn clock(&self, at: Moment) -> String {
        self.local(at).strftime("%H:%M:%S").to_string()
    }

    /// For lists that are mostly of today: hour, minute and second; [`Reader::near`] for another day.
    pub fn brief(&self, at: Moment) -> String {
        let then = self.local(at);
        if then.date() == self.local(self.now).date() { self.clock(at) } else { self.near(at) }
    }

    /// The day: `11 月 22 日 星期日`, `Sunday 22 November`.
    pub fn day(&self) -> String {
        let now = self.local(self.now);
        match self.lang {
            Lang::Zh => {
                let day = ["一", "二", "三", "四", "五", "六", "日"];
                let name = usize::try_from(now.weekday().to_monday_zero_offset()).ok().and_then(|place| day.get(place));
                format!("{} 月 {} 日 星期{}", now.month(), now.day(), name.unwrap_or(&""))
            }
            Lang::En => now.strftime("%A %-d %B").to_string(),
        }
    }

    /// Where the local day began.
    pub fn midnight(&self) -> Moment {
        let start = self.local(self.now).start_of_day();
        start.map_or(self.now, |start| Moment(start.timestamp().as_microsecond()))
    }

    /// The hour of the day at the site, 0 to 23.
    pub fn hour(&self, at: Moment) -> u8 {
        u8::try_from(self.local(at).hour()).unwrap_or(0)
    }

    /// How long ago: `18 秒前`, `3 min ago`. An instant ahead of the page reads as now.
    pub fn age(&self, at: Moment) -> String {
        let span = self.span(self.now.since(at).as_secs());
        self.lang.tell("ago", &[("span", (&span).into())])
    }

    /// How long until, or how late: `还有 7 天`, `3 days late`.
    pub fn due(&self, due: Moment) -> String {
        let late = due <= self.now;
        let span = if late { self.now.since(due) } else { due.since(self.now) };
        let span = self.span(span.as_secs());
        match late {
            true => self.lang.tell("late-by", &[("span", (&span).into())]),
            false => self.lang.tell("left", &[("span", (&span).into())]),
        }
    }

    /// A span in its largest unit, cut down: 119 s are one minute.
    pub fn span(&self, seconds: u64) -> String {
        let (key, count) = match seconds {
            0..60 => ("span-seconds", seconds),
            60..3_600 => ("span-minutes", seconds / 60),
            3_600..86_400 => ("span-hours", seconds / 3_600),
            _ => ("span-days", seconds / 86_400),
        };
        self.lang.tell(key, &[("n", count.into())])
    }

    /// [`Reader::near`] as an element: the exact UTC instant and the site's time stand in its title.
    pub fn time(&self, at: Moment) -> Markup {
        self.time_as(at, &self.near(at))
    }

    /// Any text about an instant, with that instant in its title.
    pub fn time_as(&self, at: Moment, text: &str) -> Markup {
        let exact = stamp(at).to_string();
        let title = format!("{} {} · {exact}", self.full(at), self.local(at).strftime("%Z"));
        html! { time datetime=(exact) title=(title) { (text) } }
    }

    fn local(&self, at: Moment) -> Zoned {
        stamp(at).to_zoned(self.zone.clone())
    }
}

/// An instant outside the calendar of jiff (year -9999 to 9999) shows as its nearest end.
fn stamp(at: Moment) -> Timestamp {
    let end = if at.0 < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(at.0).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;
    const DAY: i64 = 86_400 * SECOND;
    /// 2026-11-22 14:32:07 in Shanghai.
    const NOW: Moment = Moment(1_795_329_127 * SECOND);

    fn reader(lang: Lang) -> Reader {
        Reader { lang, zone: TimeZone::get("Asia/Shanghai").unwrap(), now: NOW }
    }

    #[test]
    fn a_time_has_one_form_in_each_language() {
        let (zh, en) = (reader(Lang::Zh), reader(Lang::En));
        assert_eq!((zh.near(NOW), en.near(NOW)), ("今天 14:32".into(), "today 14:32".into()));
        assert_eq!(zh.brief(NOW), "14:32:07");
        let before = Moment(NOW.0 - 3 * DAY);
        assert_eq!(zh.brief(before), "11-19 14:32");
        assert_eq!((zh.near(before), en.near(before)), ("11-19 14:32".into(), "19 Nov 14:32".into()));
        let long_ago = Moment(NOW.0 - 400 * DAY);
        assert_eq!((zh.near(long_ago), en.near(long_ago)), ("2025-10-18 14:32".into(), "18 Oct 2025, 14:32".into()));
        assert_eq!((zh.date(NOW), zh.date(before), en.date(before)), ("今天".into(), "11-19".into(), "19 Nov".into()));
        assert_eq!((zh.date(long_ago), en.date(long_ago)), ("2025-10-18".into(), "18 Oct 2025".into()));
        assert_eq!((zh.day(), en.day()), ("11 月 22 日 星期日".into(), "Sunday 22 November".into()));
        assert_eq!(zh.midnight(), Moment(NOW.0 - (14 * 3600 + 32 * 60 + 7) * SECOND));
    }

    #[test]
    fn an_age_is_never_recently() {
        for (seconds, zh, en) in [
            (18, "18 秒前", "18 s ago"),
            (119, "1 分钟前", "1 min ago"),
            (7_300, "2 小时前", "2 h ago"),
            (86_400, "1 天前", "1 day ago"),
            (3 * 86_400, "3 天前", "3 days ago"),
            (-5, "0 秒前", "0 s ago"),
        ] {
            let at = Moment(NOW.0 - seconds * SECOND);
            assert_eq!((reader(Lang::Zh).age(at), reader(Lang::En).age(at)), (zh.into(), en.into()), "{seconds}");
        }
        let (late, left) = (Moment(NOW.0 - 3 * DAY), Moment(NOW.0 + 7 * DAY));
        assert_eq!(
            (reader(Lang::Zh).due(late), reader(Lang::En).due(late)),
            ("逾期 3 天".into(), "3 days late".into())
        );
        assert_eq!(
            (reader(Lang::Zh).due(left), reader(Lang::En).due(left)),
            ("还有 7 天".into(), "7 days left".into())
        );
    }

    #[test]
    fn an_amount_always_has_its_unit() {
        let weight = Quantity { amount: 3_420_000, unit: Unit::Mass };
        assert_eq!(reader(Lang::Zh).quantity(weight), "3.42 g");
        assert_eq!(reader(Lang::Zh).quantity(Quantity::pieces(1047)), "1,047 件");
        assert_eq!(reader(Lang::En).quantity(Quantity::pieces(-2)), "\u{2212}2 pcs");
        assert_eq!(grouped(-1_234_567), "\u{2212}1,234,567");
    }

    #[test]
    fn no_instant_breaks_a_page() {
        for at in [i64::MIN, i64::MAX, 0] {
            assert!(!reader(Lang::Zh).near(Moment(at)).is_empty());
            assert!(!reader(Lang::En).time(Moment(at)).into_string().is_empty());
        }
    }
}
