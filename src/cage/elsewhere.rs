//! Systems that have none of what the cage is made of.

use super::{Gap, Identity, IdentityError, Needs, TakeError};

pub(super) const fn is_root() -> bool {
    false
}

pub(super) const fn named(_: &str) -> Result<Identity, IdentityError> {
    Err(IdentityError::System)
}

pub(super) const fn default_for(_: Option<&str>, _: Option<&str>) -> Option<Identity> {
    None
}

pub(super) fn may(identity: &Identity, _: &Needs) -> Result<(), TakeError> {
    take(identity)
}

pub(super) fn take(identity: &Identity) -> Result<(), TakeError> {
    Err(TakeError::Refused { user: identity.name.clone(), reason: "not on this system".to_owned() })
}

pub(super) const fn drop_capabilities(_: bool) -> Option<Gap> {
    None
}

pub(super) fn close(_: &Needs) -> Vec<Gap> {
    vec![Gap::System]
}
