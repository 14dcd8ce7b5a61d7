//! Who may do what: one table of role and right, asked in one place (`web::guard`) before any handler runs.

pub mod logins;
pub mod password;
pub mod throttle;

use crate::server::database::DatabaseError;

/// What a person is in the house. The number is the bit under which it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    Administrator,
    Approver,
    Keeper,
    Planner,
    Auditor,
}

/// What a route lets a visitor do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// See the book and everything derived from it.
    ReadBook,
    /// Say what an exception means.
    SettleExceptions,
    /// Change items, units, bindings, places, holds.
    EditRecords,
    /// Change people and their certificates.
    EditPeople,
    /// Grant and withdraw passes.
    GrantPasses,
    /// Give out tasks.
    PlanWork,
    /// Take terminals in and lock them out.
    RunTerminals,
    /// Compute the digest of the projections.
    CheckBook,
    /// Say who may come in.
    ManageAccess,
}

/// The table. What stands nowhere here, nobody may.
const TABLE: [(Right, &[Role]); 9] = [
    (Right::ReadBook, &Role::ALL),
    (Right::SettleExceptions, &[Role::Approver, Role::Keeper]),
    (Right::EditRecords, &[Role::Administrator, Role::Keeper]),
    (Right::EditPeople, &[Role::Administrator]),
    (Right::GrantPasses, &[Role::Approver]),
    (Right::PlanWork, &[Role::Planner, Role::Keeper]),
    (Right::RunTerminals, &[Role::Administrator]),
    (Right::CheckBook, &[Role::Administrator, Role::Auditor]),
    (Right::ManageAccess, &[Role::Administrator]),
];

impl Role {
    pub const ALL: [Role; 5] = [Role::Administrator, Role::Approver, Role::Keeper, Role::Planner, Role::Auditor];

    pub fn word(self) -> &'static str {
        match self {
            Role::Administrator => "administrator",
            Role::Approver => "approver",
            Role::Keeper => "keeper",
            Role::Planner => "planner",
            Role::Auditor => "auditor",
        }
    }

    pub fn from_word(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.word() == word)
    }

    fn bit(self) -> i64 {
        match self {
            Role::Administrator => 1,
            Role::Approver => 2,
            Role::Keeper => 4,
            Role::Planner => 8,
            Role::Auditor => 16,
        }
    }
}

/// The roles of one visitor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles(i64);

impl Roles {
    pub fn of(roles: &[Role]) -> Roles {
        Roles(roles.iter().fold(0, |bits, role| bits | role.bit()))
    }

    /// From the stored sum; bits of a later version give no right.
    pub fn from_bits(bits: i64) -> Roles {
        Roles(bits)
    }

    pub fn bits(self) -> i64 {
        self.0
    }

    pub fn has(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    pub fn list(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |&role| self.has(role))
    }

    /// The one question.
    pub fn may(self, right: Right) -> bool {
        TABLE.iter().any(|(of, roles)| *of == right && roles.iter().any(|&role| self.has(role)))
    }
}

/// Who can grant a right, for the page that refuses it.
pub fn holders(right: Right) -> impl Iterator<Item = Role> {
    TABLE.iter().filter(move |(of, _)| *of == right).flat_map(|(_, roles)| roles.iter().copied())
}

/// Why a login or a token was not made.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error("there is already a login named {0}; choose another name")]
    NameTaken(String),
    #[error("there is no login named {0}")]
    Unknown(String),
    #[error("a name has 1 to 64 characters without blanks at its ends")]
    Name,
    #[error("choose at least one role")]
    NoRole,
    #[error(transparent)]
    Unfit(#[from] password::Unfit),
    #[error("{0} is the last administrator; make another one first")]
    LastAdministrator(String),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Who asks, known by a session or a token.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// The name that was typed at the login, or the label of the token.
    pub name: String,
    pub roles: Roles,
    /// Number of the person whose acts these are.
    pub person: Option<u32>,
    pub came: Came,
}

/// How a visitor proved who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    Session,
    Token,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_right_has_someone_and_an_auditor_changes_nothing() {
        for right in TABLE.map(|(right, _)| right) {
            assert!(holders(right).next().is_some(), "{right:?}");
        }
        let auditor = Roles::of(&[Role::Auditor]);
        for (right, _) in TABLE {
            assert_eq!(auditor.may(right), matches!(right, Right::ReadBook | Right::CheckBook), "{right:?}");
        }
        assert!(!Roles::default().may(Right::ReadBook));
        assert!(!Roles::from_bits(1 << 40).may(Right::ReadBook));
    }

    #[test]
    fn who_asks_for_a_pass_by_editing_records_cannot_grant_it() {
        assert!(!Roles::of(&[Role::Keeper]).may(Right::GrantPasses));
        assert!(!Roles::of(&[Role::Administrator]).may(Right::GrantPasses));
    }
}
