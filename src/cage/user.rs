//! Users by their names, and those who are taken where none is named.

use nix::unistd::{Uid, User};

use super::rights::is_root;
use super::{Identity, IdentityError, Origin};

/// The number that belongs to `nobody` by custom, where the system names no such user.
const NOBODY: u32 = 65534;

/// The user of a name or number. A number needs no entry: its group has the same number then.
pub(super) fn named(name: &str) -> Result<Identity, IdentityError> {
    let number = name.parse().ok();
    let entry = match number {
        Some(number) => User::from_uid(Uid::from_raw(number)),
        None => User::from_name(name),
    };
    let identity = match (entry.ok().flatten(), number) {
        (Some(user), _) => {
            Identity { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw(), origin: Origin::Named }
        }
        // -1 means "leave it as it is" to the kernel.
        (None, Some(uid)) if uid != u32::MAX => {
            Identity { name: name.to_owned(), uid, gid: uid, origin: Origin::Named }
        }
        (None, _) => return Err(IdentityError::Unknown(name.to_owned())),
    };
    if is_root() { Ok(identity) } else { Err(IdentityError::NotRoot(name.to_owned())) }
}

/// The caller of sudo, unless that is root too.
pub(super) fn caller(uid: Option<&str>, gid: Option<&str>) -> Option<Identity> {
    let number = |text: Option<&str>| text?.parse::<u32>().ok().filter(|number| ![0, u32::MAX].contains(number));
    let (uid, gid) = (number(uid)?, number(gid)?);
    let known = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    let name = known.map_or_else(|| uid.to_string(), |user| user.name);
    Some(Identity { name, uid, gid, origin: Origin::Caller })
}

/// The user who owns nothing.
pub(super) fn nobody() -> Identity {
    let (uid, gid) = match User::from_name("nobody") {
        Ok(Some(user)) if !user.uid.is_root() => (user.uid.as_raw(), user.gid.as_raw()),
        Ok(_) | Err(_) => (NOBODY, NOBODY),
    };
    Identity { name: "nobody".to_owned(), uid, gid, origin: Origin::Nobody }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_of_sudo_is_taken_by_the_numbers_that_sudo_tells() {
        let caller = |uid, gid| caller(uid, gid).map(|caller| (caller.uid, caller.gid, caller.origin));
        assert_eq!(caller(Some("54321"), Some("54322")), Some((54321, 54322, Origin::Caller)));
        // Root that called sudo is still root, and half of the numbers are none.
        assert_eq!(caller(Some("0"), Some("0")), None);
        assert_eq!(caller(Some("54321"), None), None);
        assert_eq!(caller(Some("54321"), Some("wheel")), None);
        assert_eq!(caller(Some("4294967295"), Some("54322")), None);
        assert!(!nobody().is_root());
    }

    #[test]
    fn a_user_is_found_by_name_and_by_number() {
        let unknown = Err(IdentityError::Unknown("no such user".into()));
        assert_eq!(named("no such user"), unknown);
        assert!(named("4294967295").is_err());
        if is_root() {
            assert_eq!(named("root").map(|user| (user.uid, user.gid)), Ok((0, 0)));
            assert_eq!(named("54321").map(|user| (user.uid, user.gid, user.name)), Ok((54321, 54321, "54321".into())));
        } else {
            assert_eq!(named("54321"), Err(IdentityError::NotRoot("54321".into())));
        }
    }
}
