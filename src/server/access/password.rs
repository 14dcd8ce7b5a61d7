//! Passwords: argon2id, and the same work whether the name exists or not.

use std::sync::LazyLock;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

/// Fewest characters. Length is what counts; no rule about kinds of characters (NIST SP 800-63B, 5.1.1.2).
pub const SHORTEST: usize = 10;
/// Most bytes: a longer text is no password but work for us.
pub const LONGEST: usize = 256;

/// Why a password cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("a password has at least {SHORTEST} characters")]
    Short,
    #[error("a password has at most {LONGEST} bytes")]
    Long,
    #[error("the password is the name")]
    SameAsName,
}

/// Checked against when no login has the name, so that the answer takes as long.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash("nobody has this password"));

/// # Errors
/// [`Unfit`] with the rule that it breaks.
pub fn check(name: &str, password: &str) -> Result<(), Unfit> {
    if password.chars().count() < SHORTEST {
        return Err(Unfit::Short);
    }
    if LONGEST < password.len() {
        return Err(Unfit::Long);
    }
    if password.eq_ignore_ascii_case(name) {
        return Err(Unfit::SameAsName);
    }
    Ok(())
}

/// The PHC string to store. Takes tens of milliseconds and 19 MiB: never on an async thread.
pub fn hash(password: &str) -> String {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).expect("the kernel gives random bytes");
    let salt = SaltString::encode_b64(&salt).expect("16 bytes are a salt");
    argon2().hash_password(password.as_bytes(), &salt).expect("parameters and salt are in range").to_string()
}

/// Whether `password` is the one of `stored`; without `stored` the same work is done for a no.
pub fn holds(stored: Option<&str>, password: &str) -> bool {
    let Ok(parsed) = PasswordHash::new(stored.unwrap_or(&NOBODY)) else { return false };
    let right = argon2().verify_password(password.as_bytes(), &parsed).is_ok();
    right && stored.is_some()
}

/// OWASP's first choice: 19 MiB, two passes, one lane.
fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(19 * 1024, 2, 1, None).expect("within the limits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_holds() {
        let stored = hash("correct horse");
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(holds(Some(&stored), "correct horse"));
        assert!(!holds(Some(&stored), "correct hors"));
        assert!(!holds(None, "nobody has this password"), "the stand-in opens nothing");
        assert!(!holds(Some("not a hash"), "correct horse"));
        assert_ne!(hash("correct horse"), stored, "every hash has its own salt");
    }

    #[test]
    fn unfit_passwords_are_named() {
        assert_eq!(check("chen", "short"), Err(Unfit::Short));
        assert_eq!(check("chenjing-01", "ChenJing-01"), Err(Unfit::SameAsName));
        assert_eq!(check("chen", &"x".repeat(300)), Err(Unfit::Long));
        assert_eq!(check("chen", "仓库里的红宝石戒指"), Err(Unfit::Short));
        assert_eq!(check("chen", "仓库里的红宝石戒指呀"), Ok(()));
    }
}
