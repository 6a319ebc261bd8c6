//! Seccomp: the system calls that are left.
//!
//! What the program has a use for is allowed, some of it with certain arguments only; the rest fails with EPERM, so that
//! a library which tries something new gets an error that it can tell, and a capture goes on. Calls that no part of this
//! program ever makes, and that whoever broke in would make first, end the process at once: the kernel logs it, and
//! nothing is tried a second time. Some newer calls fail with ENOSYS instead, since the C library has another way then that
//! is on the list.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
mod table;

use super::{Gap, Needs};

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
pub(super) fn confine(needs: &Needs) -> Option<Gap> {
    install(needs).err().map(Gap::Calls)
}

/// The numbers of other processors' calls are not known here.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
pub(super) fn confine(_: &Needs) -> Option<Gap> {
    Some(Gap::Calls(format!("there is no list of them for {}", std::env::consts::ARCH)))
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
fn install(needs: &Needs) -> Result<(), String> {
    use std::collections::BTreeMap;

    use nix::libc::{ENOSYS, EPERM};
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

    let processor = TargetArch::try_from(std::env::consts::ARCH).map_err(|error| error.to_string())?;
    let whole = |calls: &[i64]| calls.iter().map(|call| (*call, Vec::new())).collect::<BTreeMap<_, _>>();
    let errno = |number: i32| SeccompAction::Errno(number as u32);
    // Of several filters the strictest answer counts. The list of what is allowed comes last, as seccomp(2) is not on it.
    let filters = [
        (whole(table::NEWER), SeccompAction::Allow, errno(ENOSYS)),
        (whole(table::HOSTILE), SeccompAction::Allow, SeccompAction::KillProcess),
        (table::allowed(needs)?, errno(EPERM), SeccompAction::Allow),
    ];
    // All are made before the first is in force.
    let mut programs = Vec::new();
    for (rules, otherwise, action) in filters {
        let filter = SeccompFilter::new(rules, otherwise, action, processor).map_err(|error| error.to_string())?;
        programs.push(BpfProgram::try_from(filter).map_err(|error| error.to_string())?);
    }
    programs.iter().try_for_each(|program| {
        seccompiler::apply_filter_all_threads(program).map_err(|error| match error {
            seccompiler::Error::Prctl(error) | seccompiler::Error::Seccomp(error) => error.to_string(),
            other => other.to_string(),
        })
    })
}
