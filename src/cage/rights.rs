//! Who the process is, and what the kernel lets it do for that: user, groups, capabilities, core files.

use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::io::Errno;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getegid, geteuid, getgroups, set_dumpable_behavior, setrlimit,
};
use rustix::thread::{
    CapabilitySet, CapabilitySets, Gid, Uid, capabilities, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs, set_thread_groups, set_thread_res_gid,
    set_thread_res_uid,
};

use super::{Gap, Identity, IdentityError, Needs, TakeError, calls, files, user};

pub(super) fn is_root() -> bool {
    geteuid().is_root()
}

pub(super) fn named(name: &str) -> Result<Identity, IdentityError> {
    user::named(name)
}

pub(super) fn default_for(sudo_uid: Option<&str>, sudo_gid: Option<&str>) -> Option<Identity> {
    is_root().then(|| user::caller(sudo_uid, sudo_gid).unwrap_or_else(user::nobody))
}

/// What of the needs the process could not do with the rights that it has now.
fn missing(needs: &Needs) -> Option<(&'static str, PathBuf)> {
    let denied = |path: &Path, how: Access| matches!(access(path, how), Err(Errno::ACCESS | Errno::PERM | Errno::ROFS));
    let paths = needs.read.iter().map(|path| ("read", path, Access::READ_OK));
    let paths = paths.chain(needs.write.iter().map(|path| ("write", path, Access::WRITE_OK)));
    let changed = needs.create_in.iter().chain(&needs.replace_in);
    let mut paths = paths.chain(changed.map(|path| ("create files in", path, Access::WRITE_OK | Access::EXEC_OK)));
    paths.find(|(_, path, how)| denied(path, *how)).map(|(what, path, _)| (what, path.clone()))
}

/// Asks as the user, and becomes root again: the saved user stays root, so that the way back is open.
pub(super) fn may(identity: &Identity, needs: &Needs) -> Result<(), TakeError> {
    let (uid, gid) = (Uid::from_raw(identity.uid), Gid::from_raw(identity.gid));
    let root = (Uid::from_raw(0), getegid());
    let groups = getgroups().unwrap_or_default();
    let refused = |error: Errno| refused(identity, error);
    let lacks = |(what, path)| TakeError::Lacks { user: identity.name.clone(), what, path };
    if identity.is_root() {
        return missing(needs).map(lacks).map_or(Ok(()), Err);
    }
    // access(2) asks for the real user, to whom root's capabilities do not count.
    let asked = set_thread_groups(&[])
        .and_then(|()| set_thread_res_gid(gid, gid, root.1))
        .and_then(|()| set_thread_res_uid(uid, uid, root.0))
        .map(|()| missing(needs));
    let back = set_thread_res_uid(root.0, root.0, root.0)
        .and_then(|()| set_thread_res_gid(root.1, root.1, root.1))
        .and_then(|()| set_thread_groups(&groups));
    back.map_err(refused)?;
    asked.map_err(refused)?.map(lacks).map_or(Ok(()), Err)
}

fn refused(identity: &Identity, error: Errno) -> TakeError {
    TakeError::Refused { user: identity.name.clone(), reason: error.to_string() }
}

pub(super) fn take(identity: &Identity) -> Result<(), TakeError> {
    let (uid, gid) = (Uid::from_raw(identity.uid), Gid::from_raw(identity.gid));
    let refused = |error: Errno| refused(identity, error);
    // This takes CAP_SETPCAP, which goes with root.
    drop_bounding_set();
    set_thread_groups(&[]).map_err(refused)?;
    set_thread_res_gid(gid, gid, gid).map_err(refused)?;
    set_thread_res_uid(uid, uid, uid).map_err(refused)?;
    Ok(())
}

/// Nothing that is run from here on gets a capability. Only who has CAP_SETPCAP can say so; it matters little beside
/// `no_new_privs`, which says the same of programs.
fn drop_bounding_set() {
    let mut capabilities = (0..u64::BITS).map(|number| CapabilitySet::from_bits_retain(1 << number));
    // The first error is one of the kernel not knowing so many, or of CAP_SETPCAP missing: the others are the same.
    let _ = capabilities.try_for_each(remove_capability_from_bounding_set);
}

pub(super) fn drop_capabilities(keep_paths: bool) -> Option<Gap> {
    let kept = if keep_paths && is_root() { CapabilitySet::DAC_OVERRIDE } else { CapabilitySet::empty() };
    let failed = |error: Errno| Some(Gap::Capabilities(error.to_string()));
    drop_bounding_set();
    // Kernels before 4.3 have no ambient set, and so nothing in it.
    let _ = clear_ambient_capability_set();
    let had = match capabilities(None) {
        Ok(sets) => sets.permitted,
        Err(error) => return failed(error),
    };
    let kept = kept & had;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    match set_capabilities(None, sets) {
        Ok(()) => None,
        Err(error) => failed(error),
    }
}

pub(super) fn close(needs: &Needs) -> Vec<Gap> {
    let mut gaps = Vec::new();
    gaps.extend(threads().filter(|count| *count > 1).map(|count| Gap::Threads(count - 1)));
    // A core file would hold what was captured, passwords too; and nobody attaches to a process that may not be dumped.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    if let Err(error) = set_no_new_privs(true) {
        gaps.push(Gap::Capabilities(format!("programs may gain them ({error})")));
    }
    gaps.extend(files::confine(needs));
    gaps.extend(calls::confine(needs));
    gaps
}

/// How many threads there are.
fn threads() -> Option<usize> {
    Some(std::fs::read_dir("/proc/self/task").ok()?.count())
}
