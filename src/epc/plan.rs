//! Which scheme writes a key.

use super::Epc;
use super::elements::Element;
use super::fault::NoScheme;
use super::key::Key;
use super::scheme::{Kind, Scheme};

/// Schemes of a key in the order in which they are tried: what every reader in the field knows comes first.
fn schemes(kind: Kind) -> &'static [Scheme] {
    match kind {
        Kind::Sgtin => &[Scheme::Sgtin96, Scheme::Sgtin198, Scheme::SgtinPlus],
        Kind::Sscc => &[Scheme::Sscc96, Scheme::SsccPlus],
        Kind::Sgln => &[Scheme::Sgln96, Scheme::Sgln195, Scheme::SglnPlus],
        Kind::Grai => &[Scheme::Grai96, Scheme::Grai170, Scheme::GraiPlus],
        Kind::Giai => &[Scheme::Giai96, Scheme::Giai202, Scheme::GiaiPlus],
        Kind::Gsrn => &[Scheme::Gsrn96, Scheme::GsrnPlus],
        Kind::Gsrnp => &[Scheme::Gsrnp96, Scheme::GsrnpPlus],
        // GDTI-113 is for reading only: the standard deprecates it.
        Kind::Gdti => &[Scheme::Gdti96, Scheme::Gdti174, Scheme::GdtiPlus],
        Kind::Sgcn => &[Scheme::Sgcn96, Scheme::SgcnPlus],
        Kind::Itip => &[Scheme::Itip110, Scheme::Itip212, Scheme::ItipPlus],
        Kind::Cpi => &[Scheme::Cpi96, Scheme::CpiVar, Scheme::CpiPlus],
        Kind::Gid => &[Scheme::Gid96],
        Kind::Usdod => &[Scheme::Usdod96],
        Kind::Adi => &[Scheme::AdiVar],
    }
}

/// The EPC that carries the key and the data beside it exactly: the 96-bit scheme where the serial number fits it, else the
/// long one, else the "+" scheme; within `bits_max` bits in whole words, which is what the memory of the tag has.
///
/// A GS1 key does not tell the length of its company prefix, and a wrong one gives another EPC: without `prefix_len` only
/// the "+" schemes can write it.
///
/// # Errors
/// The reason of each scheme why it cannot.
pub fn plan(
    key: &Key,
    data: &[Element],
    filter: u8,
    prefix_len: Option<usize>,
    bits_max: Option<usize>,
) -> Result<Epc, NoScheme> {
    let mut reasons = Vec::new();
    for &scheme in schemes(key.kind()) {
        let fitting = Epc::new(scheme, filter, *key, prefix_len, data.to_vec()).and_then(|epc| epc.within(bits_max));
        match fitting {
            Ok(epc) => return Ok(epc),
            Err(reason) => reasons.push(reason),
        }
    }
    Err(NoScheme { reasons })
}

/// The words that [`plan`] would have written on a tag.
///
/// # Errors
/// The reason of each scheme why it cannot.
pub fn encode(key: &Key, filter: u8, prefix_len: Option<usize>, bits_max: Option<usize>) -> Result<Vec<u8>, NoScheme> {
    plan(key, &[], filter, prefix_len, bits_max).map(|epc| epc.words())
}

#[cfg(test)]
mod tests {
    use super::super::key::element;
    use super::*;

    #[test]
    fn the_first_scheme_that_carries_it_is_taken() {
        let gtin = "80614141123458";
        for (serial, prefix_len, bits_max, taken) in [
            ("6789", Some(7), None, Ok("sgtin-96")),
            ("06789", Some(7), None, Ok("sgtin-198")),
            ("274877906944", Some(7), None, Ok("sgtin-198")),
            ("32a/b", Some(7), Some(128), Ok("SGTIN+")),
            ("6789", None, None, Ok("SGTIN+")),
            (
                "32a/b",
                Some(7),
                Some(96),
                Err("no scheme carries it: sgtin-96: the serial number `32a/b` is no number without leading zeros; \
                     sgtin-198 needs 208 bits in whole words, the tag has 96; \
                     SGTIN+ needs 112 bits in whole words, the tag has 96"),
            ),
            (
                "1",
                Some(5),
                Some(0),
                Err("no scheme carries it: a company prefix has 6 to 12 digits, not 5; \
                     a company prefix has 6 to 12 digits, not 5; SGTIN+ needs 80 bits in whole words, the tag has 0"),
            ),
        ] {
            let key = Key::sgtin(gtin, serial).unwrap();
            let got = plan(&key, &[], 1, prefix_len, bits_max);
            let got = got.map(|epc| epc.scheme().name()).map_err(|error| error.to_string());
            assert_eq!(got, taken.map_err(str::to_owned), "{serial}");
        }
        let lot = [element("10", "L7")];
        let with = plan(&Key::sgtin(gtin, "6789").unwrap(), &lot, 1, Some(7), None).unwrap();
        assert_eq!((with.scheme(), with.data()), (Scheme::SgtinPlus, &lot[..]), "only it has room for a lot");
    }
}
