//! Why a value is wrong, in words for whoever holds the label.

/// Why a value is not what its application identifier demands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("the value is missing")]
    Missing,
    #[error("the value is too short")]
    Short,
    #[error("the value is too long")]
    Long,
    #[error("a digit must stand here")]
    Digit,
    #[error("the character is none of GS1 character set 82 (letters, digits and !\"%&'()*+,-./:;<=>?_)")]
    Set82,
    #[error("the character is none of GS1 character set 39 (capitals, digits and #-/)")]
    Set39,
    #[error("the character is none of base64url")]
    Set64,
    #[error("base64url ends in one or two `=` that fill it up to a multiple of three characters, or in none")]
    Padding,
    #[error("the check digit is wrong, {want} would be right")]
    CheckDigit { want: u8 },
    #[error("the check characters are wrong, {} would be right", .want.escape_ascii())]
    CheckPair { want: [u8; 2] },
    #[error("a company prefix of four digits at least must stand here")]
    Prefix,
    #[error("the month is none of 01 to 12")]
    Month,
    #[error("the month has no such day")]
    Day,
    #[error("the hour is none of 00 to 23")]
    Hour,
    #[error("the minute is none of 00 to 59")]
    Minute,
    #[error("the second is none of 00 to 59")]
    Second,
    #[error("no country of ISO 3166-1 has this number")]
    Country,
    #[error("no country of ISO 3166-1 has these letters")]
    CountryLetters,
    #[error("no currency of ISO 4217 has this number")]
    Currency,
    #[error("the code is none of 0, 1, 2 and 9 of ISO 5218")]
    Sex,
    #[error("a zero must stand here")]
    Zero,
    #[error("the number must not be zero")]
    NotZero,
    #[error("the number must not begin with a zero")]
    LeadingZero,
    #[error("0 for no or 1 for yes must stand here")]
    YesNo,
    #[error("the winding direction is none of 0, 1 and 9")]
    Winding,
    #[error("a hyphen must stand here")]
    Hyphen,
    #[error("the latitude is more than 180 degrees from the south pole")]
    Latitude,
    #[error("the longitude is more than 360 degrees")]
    Longitude,
    #[error("the media type is not assigned")]
    Media,
    #[error("the package type is not assigned")]
    Package,
    #[error("the importer index is no letter, digit, hyphen or underscore")]
    Importer,
    #[error("two hexadecimal digits must follow the percent sign")]
    Percent,
    #[error("piece and total must be numbers from 1 on, and the piece not above the total")]
    Piece,
    #[error("position and end must be written as 1/2, and the position not above the end")]
    Sequence,
    #[error("at least one character must be no digit")]
    NonDigit,
    #[error("the IBAN has a wrong country, length or character")]
    Iban,
    #[error("the check digits of the IBAN are wrong")]
    IbanCheck,
    #[error("the {what} of the coupon does not stand here")]
    Coupon { what: &'static str },
}

/// A fault and where it begins, in bytes from the first one of what was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    pub at: usize,
    pub fault: Fault,
}
