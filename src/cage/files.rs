//! Landlock: which files can still be opened by their paths, and whom the process can still reach.

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
};

use super::{Gap, Needs};

/// The newest rules that were tried with this program; of an older kernel's all that it has are taken. Those of the sixth
/// are files, TCP, signals and abstract sockets.
const RULES: ABI = ABI::V6;

pub(super) fn confine(needs: &Needs) -> Option<Gap> {
    match restrict(needs) {
        // What an old kernel lacks beyond files is held back by seccomp.
        Ok(RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced) => None,
        Ok(RulesetStatus::NotEnforced) => Some(Gap::Files("this kernel has no Landlock, or it is off".to_owned())),
        Err(error) => Some(Gap::Files(error.to_string())),
    }
}

fn restrict(needs: &Needs) -> Result<RulesetStatus, RulesetError> {
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(RULES))?
        .handle_access(AccessNet::from_all(RULES))?
        .scope(Scope::from_all(RULES))?
        .create()?;
    // No write here: what is given a name is open already.
    let rename = AccessFs::MakeReg | AccessFs::RemoveFile;
    let create = rename | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::ReadFile | AccessFs::ReadDir;
    let read = BitFlags::from(AccessFs::ReadFile);
    let paths = needs.read.iter().map(|path| (path, read));
    let paths = paths.chain(needs.create_in.iter().map(|path| (path, create)));
    for (path, rights) in paths.chain(needs.replace_in.iter().map(|path| (path, rename))) {
        // What is not there can't be opened either, and opening it tells that better.
        let Ok(open) = PathFd::new(path) else { continue };
        // A pipe has no place in a file system, which Landlock's rules are about; it can be opened without one.
        let _ = (&mut rules).add_rule(PathBeneath::new(open, rights));
    }
    Ok(rules.restrict_self()?.ruleset)
}
